"""Link previews: programs that fetch a link because somebody posted it, before anybody has opened it.

Each token is what the program itself sends. They are matched before the crawler list, which calls most of them bots. A token
starts with `^` where people's browsers carry the same word further on (in-app browsers of messengers).
"""

import re

from quietzone_tracking.forwarder.enrich.first_match import FirstMatch

TOKENS: tuple[tuple[str, str], ...] = (
    ("facebookexternalhit", "Facebook, Messenger, Instagram; also LINE, KakaoTalk and Apple's Messages, which add it to their own"),
    ("Facebot", "Facebook; Apple's Messages"),
    ("meta-externalfetcher", "Meta: a fetch that a person asked for"),
    ("^WhatsApp", "WhatsApp; Signal sends WhatsApp/2"),
    ("Twitterbot", "X"),
    ("LinkedInBot", "LinkedIn"),
    ("Slackbot", "Slack: Slackbot-LinkExpanding, and Slackbot for its other fetches of posted links"),
    ("Slack-ImgProxy", "Slack's images in previews"),
    ("TelegramBot", "Telegram"),
    ("Discordbot", "Discord"),
    ("SkypeUriPreview", "Skype and Microsoft Teams"),
    ("MicrosoftPreview/", "Microsoft: Teams, Outlook, Bing"),
    ("Snap URL Preview Service", "Snapchat"),
    ("SnapURLPreview/", "Snapchat"),
    ("redditbot", "Reddit"),
    ("^Viber", "Viber"),
    ("kakaotalk-scrap", "KakaoTalk"),
    ("line-poker", "LINE"),
    ("vkShare", "VK"),
    ("OdklBot/", "Odnoklassniki"),
    ("Bluesky Cardyb", "Bluesky"),
    ("Mastodon/", "Mastodon"),
    ("Friendica", "Friendica"),
    ("Lemmy/", "Lemmy"),
    ("SummalyBot", "Misskey"),
    ("^Synapse", "Matrix homeservers"),
    ("Mattermost-Bot/", "Mattermost"),
    ("Rocket.Chat", "Rocket.Chat"),
    ("ZulipURLPreview", "Zulip"),
    ("Discourse Forum Onebox", "Discourse"),
    ("Chatwork LinkPreview", "Chatwork"),
    ("GroupMeBot", "GroupMe"),
    ("KeybaseBot", "Keybase"),
    ("SteamChatURLLookup", "Steam"),
    ("Iframely", "Iframely, for many sites"),
    ("Embedly", "Embedly, for many sites"),
    ("EvernoteRichLinkBot", "Evernote"),
    ("^Notion/", "Notion"),
    ("^Tumblr/", "Tumblr"),
    ("Yahoo Link Preview", "Yahoo Mail"),
    ("YahooMailProxy", "Yahoo Mail's images"),
    ("GoogleImageProxy", "Gmail's images"),
    ("Google Web Preview", "Google"),
)
"""(token, who sends it)."""


def previews() -> FirstMatch:
    """The tokens, ready to match whatever their case; it answers with who sends them."""
    return FirstMatch((f"(?i){'^' * token.startswith('^')}{re.escape(token.removeprefix('^'))}", sender) for token, sender in TOKENS)
