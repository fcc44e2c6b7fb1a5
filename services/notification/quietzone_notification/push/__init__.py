"""Push: messages to phones and browsers, through whoever carries them there (FCM, SNS)."""
