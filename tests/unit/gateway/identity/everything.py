"""Everything that identity writes, once and again."""

import contextlib

import pyotp
from ports import Hands, Inline
from unit.gateway.identity.desk import CHEAP, NOON_MS, OPERATOR, Outbox, do_all
from unit.tracking.links_world import bus_in_memory

from quietzone_gateway.identity.accounts.domain import FIRST_ACCOUNT, hash_of
from quietzone_gateway.identity.accounts.invitations import join, offer_of
from quietzone_gateway.identity.accounts.use_cases import change_role, invite, remove_member, rename_account
from quietzone_gateway.identity.audit.domain import Entry
from quietzone_gateway.identity.authentication import Credentials
from quietzone_gateway.identity.authorisers.use_cases import AskedAuthoriser, put_authoriser
from quietzone_gateway.identity.build import Identity, Parts, build_identity
from quietzone_gateway.identity.domain import SCOPES_OF, Actor, Role, Visitor
from quietzone_gateway.identity.keys.domain import FIRST_KEY
from quietzone_gateway.identity.keys.use_cases import KeyChange, NewKey, change_key, create_key, open_first_account, revoke_key, rotate_key
from quietzone_gateway.identity.mails.carriers import Direct
from quietzone_gateway.identity.sessions.use_cases import SignIn, refresh, sign_in
from quietzone_gateway.identity.shelf import Changed
from quietzone_gateway.identity.users.addresses import ask_address
from quietzone_gateway.identity.users.people import People
from quietzone_gateway.identity.users.second_factor import begin_second_factor, confirm_second_factor
from quietzone_gateway.identity.users.use_cases import SignUp, rename_user, sign_up
from quietzone_gateway.identity.work import Tools, build_work
from quietzone_kit.cache import open_cache
from quietzone_kit.documents import Documents
from quietzone_kit.errors import Unauthenticated
from quietzone_kit.runtime import SystemRandomness

RANDOMNESS = SystemRandomness()


async def write_identity(store: Documents) -> None:
    """Write every collection of identity, by its use cases."""
    clock = Hands(since_ms=NOON_MS)
    identity = build_identity(Parts(store, open_cache("memory://", clock=clock, randomness=RANDOMNESS), clock, RANDOMNESS, Inline()), CHEAP)
    await open_first_account(identity.accounts, identity.keys, clock, RANDOMNESS, preset=None)
    await open_first_account(identity.accounts, identity.keys, clock, RANDOMNESS, preset="k" * 32)
    await _keys(identity)
    await _people(store, identity)
    await _accounts(identity)
    await identity.log.keep(Entry("1", "ours", "system", "code.created", "code:1", "{}", "{}", NOON_MS, ""))


async def _keys(identity: Identity) -> None:
    keys, ports = identity.keys, identity.ports
    made = await create_key(keys, ports, OPERATOR, NewKey("till", SCOPES_OF[Role.VIEWER], ["203.0.113.0/24"]))
    await rotate_key(identity.accounts, keys, ports, OPERATOR, made.key.key_id, grace_s=60)
    await change_key(keys, ports, OPERATOR, made.key.key_id, KeyChange(name="bar"))
    await revoke_key(identity.accounts, keys, ports, OPERATOR, FIRST_KEY)


async def _people(store: Documents, identity: Identity) -> None:
    people = identity.people
    home = Visitor("203.0.113.9")
    await sign_up(people, SignUp("ada@example.com", "Ada", "Correct-horse-1"), home)
    await _mails(store, people)
    with contextlib.suppress(Unauthenticated):
        await sign_in(people, SignIn("ada@example.com", "wrong"), home)
    signed = await sign_in(people, SignIn("ada@example.com", "Correct-horse-1"), home)
    await refresh(people, signed.refresh_token)
    principal = await identity.authentication.principal_of(Credentials("203.0.113.9", bearer=signed.access_token))
    await rename_user(people, principal, "Ada L.")
    made = await begin_second_factor(people, principal, "Correct-horse-1", home)
    await confirm_second_factor(people, principal, pyotp.TOTP(made.secret).at(NOON_MS // 1000))
    await ask_address(people, principal, "lovelace@example.com", "Correct-horse-1", home)
    await _mails(store, people)
    await rename_user(people, principal, "Ada")


async def _mails(store: Documents, people: People) -> None:
    bus, keeper = bus_in_memory()
    await do_all(store, build_work(Tools(store, bus, Direct(Outbox()), people.ports.clock, RANDOMNESS), CHEAP), Hands(since_ms=NOON_MS))
    await bus.close()
    keeper.close()


async def _accounts(identity: Identity) -> None:
    people = identity.people
    for email in ("ada@example.com", "bob@example.com"):
        await invite(people, OPERATOR, email, Role.EDITOR)
    user = await people.users.by_email("ada@example.com")
    account = await people.accounts.get(FIRST_ACCOUNT)
    assert user is not None
    assert account is not None
    invitation = account.invitations[0]
    await people.accounts.change(FIRST_ACCOUNT, lambda found: Changed(found.mailed(invitation.invitation_id, hash_of("secret"))))
    offer = await offer_of(people.accounts, NOON_MS, f"{FIRST_ACCOUNT}.{invitation.invitation_id}.secret")
    await join(people.accounts, people.memberships, people.ports, offer, Actor(f"user:{user.user_id}", FIRST_ACCOUNT))
    await put_authoriser(people, identity.cache, OPERATOR, AskedAuthoriser("https://a.example.com", SCOPES_OF[Role.VIEWER], 60))
    await rename_account(people, OPERATOR, "Ours")
    await change_role(people, OPERATOR, user.user_id, Role.VIEWER)
    await remove_member(people, OPERATOR, user.user_id)
