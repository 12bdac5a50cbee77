"""Who holds an access key: the owner's root key, environments, and sessions of AssumeRole.

Serves the front door (who signed) and the fleet (keys of an environment). An environment's keys live in memory
only, since no environment outlives the node; AssumeRole's are in the store and are remembered once seen. Finding a
known key is one dict access.
"""

from __future__ import annotations

from yobu.base.clock import Clock
from yobu.base.context import Principal, Signer
from yobu.base.ids import Ids
from yobu.base.settings import Settings
from yobu.fleet.port import Keys
from yobu.services.iam.model import SESSIONS, Session, new_session
from yobu.store.port import Store

ENVIRONMENT_KEYS_S = 12 * 3600


class IamPrincipals:
    """Access keys -> signers."""

    def __init__(self, store: Store, clock: Clock, ids: Ids, settings: Settings) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._account = settings.account
        self._known: dict[str, Signer] = {}
        self._owner: dict[str, Signer] = {}

    def set_owner(self, access_key: str, secret: str) -> None:
        """Let this key pair stand for the root of the node's account (`--auth`)."""
        self._owner[access_key] = Signer(secret, root(self._account))

    def reset(self) -> None:
        """Forget all sessions; the owner's key stays."""
        self._known.clear()

    async def find(self, access_key: str) -> Signer | None:
        """The key's owner, or None for a key that is unknown."""
        found = self._owner.get(access_key) or self._known.get(access_key)
        if found is None and access_key.startswith("ASIA"):
            session = await SESSIONS.get(self._store, access_key)
            if session is not None:
                found = self._known[access_key] = signer(session)
        return found

    def anyone(self, access_key: str) -> Principal:
        """Without `--auth`: whom an unknown key stands for. Twelve digits are that account's root."""
        if len(access_key) == 12 and access_key.isascii() and access_key.isdigit():
            return root(access_key)
        return root(self._account)

    async def issue(self, account: str, role: str, session: str) -> Keys:
        """Keys of `role` (an ARN) for an environment, for 12 hours, in memory."""
        made = new_session(self._ids, role, session, self._clock.real() + ENVIRONMENT_KEYS_S)
        self._known[made.access_key] = signer(made, environment=session)
        self._drop_expired()
        return Keys(made.access_key, made.secret, made.token)

    def _drop_expired(self) -> None:
        """Bound the memory: keys that have ended go, the oldest first (the dict is in order of issue)."""
        now = self._clock.real()
        while self._known:
            access_key, oldest = next(iter(self._known.items()))
            if oldest.expires is None or oldest.expires > now:
                return
            del self._known[access_key]


def root(account: str) -> Principal:
    """An account's root."""
    return Principal("root", account, f"arn:aws:iam::{account}:root", account)


def signer(session: Session, environment: str | None = None) -> Signer:
    """What the front door needs to know of a session."""
    arn = f"arn:aws:sts::{session.account}:assumed-role/{session.role}/{session.name}"
    principal = Principal("role", session.account, arn, f"{session.user_id}:{session.name}", session.access_key)
    return Signer(session.secret, principal, session.token, session.expires, environment)
