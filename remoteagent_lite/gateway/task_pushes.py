"""Push notifications of the tasks of one component: what is asked about them, and who is told."""

from __future__ import annotations

import logging
from typing import Any, Callable, Dict, List, Optional

from ..protocols.a2a.serving import Fault
from ..wsgi import Refused
from .incoming import Caller
from .narration import task_of_event
from .pushes import Pushes, Source

__all__ = ["TaskPushes"]

logger = logging.getLogger("remoteagent_lite.gateway")

Json = Dict[str, Any]
Events = Callable[[Any], List[Json]]


class TaskPushes:
    """The push notification configs of the tasks of the component that ``key`` names.

    Any thread may call any method. Whether a caller may see a task is not asked here.
    """

    def __init__(self, pushes: Pushes, key: str) -> None:
        self._pushes = pushes
        self._key = key

    def _named(self, task_id: str) -> str:
        return "%s\n%s" % (self._key, task_id)

    # --- What is asked

    def check(self, config: Json) -> None:
        """Raise Fault for a config that nothing would be posted for. Blocks: looks up its host."""
        self._pushes.check(config)

    def create(self, params: Json, caller: Caller, source: Source) -> Json:
        """CreateTaskPushNotificationConfig, of a config that has been checked."""
        return self._pushes.keep(self._named(params["taskId"]), caller, params, source)

    def get(self, params: Json, caller: Caller) -> Json:
        """GetTaskPushNotificationConfig"""
        return self._pushes.get(self._named(params["taskId"]), caller, params.get("id"))

    def list(self, params: Json, caller: Caller) -> Json:
        """ListTaskPushNotificationConfigs: the caller's own, all on one page."""
        if "pageToken" in params:
            raise Fault(-32602, "Invalid parameters: the pageToken is none of ours")
        return {"configs": self._pushes.list(self._named(params["taskId"]), caller)}

    def delete(self, params: Json, caller: Caller) -> None:
        """DeleteTaskPushNotificationConfig"""
        self._pushes.delete(self._named(params["taskId"]), caller, params["id"])

    # --- What comes with a message

    def brought(self, params: Json) -> Optional[Json]:
        """The config that a message brings along, which something can be posted for."""
        config: Optional[Json] = params["configuration"].get("taskPushNotificationConfig")
        if config is not None:
            self._pushes.check(config)
            self._pushes.check_room()
        return config

    def keep(
        self,
        task_id: str,
        config: Optional[Json],
        caller: Caller,
        source: Optional[Source] = None,
    ) -> None:
        """Keep the config that came with a message."""
        if config is None:
            return
        config = {**config, "taskId": task_id}
        try:
            self._pushes.keep(self._named(task_id), caller, config, source)
        except Refused as refused:  # there was room for it when the run was begun
            logger.warning("No notifications of a run that has begun: %s", refused)

    # --- What is told

    def tell(self, task_id: str, events: List[Json]) -> None:
        """Tell what has become of a task to whoever wants to know."""
        self._pushes.tell(self._named(task_id), events)

    def telling(self, events: Events) -> Events:
        """``events``, told to whoever wants to know of their task as well."""

        def told(event: Any) -> List[Json]:
            found = events(event)
            if found:
                self.tell(task_of_event(found[0]), found)
            return found

        return told
