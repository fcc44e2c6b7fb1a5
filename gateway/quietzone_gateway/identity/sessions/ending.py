"""How sessions end, heard by all replicas at once."""

from quietzone_gateway.identity.users.people import SESSION, People


async def end_session(people: People, session_id: str) -> None:
    """End one session."""
    await people.sessions.end(session_id, people.ports.now_ms())
    await people.ports.news.tell(SESSION, session_id)


async def end_sessions(people: People, user_id: str, *, but: str = "") -> None:
    """End all sessions of a person, but for one maybe."""
    for session in await people.sessions.live_of(user_id, people.ports.now_ms()):
        if session.session_id != but:
            await end_session(people, session.session_id)
