"""What run outputs and tool executions can do, beside what they hold.

The generated classes name these as their bases (``codegen/bases.json``), so that no behaviour is
written into a generated file. Nothing here does I/O.
"""

from __future__ import annotations

from typing import Any, List, Optional

from ._model import Model
from .errors import RunFailedError

__all__ = ["Decision", "Output"]

_FAILED = ("ERROR", "CANCELLED")


class Output(Model):
    """Base of RunOutput, TeamRunOutput and WorkflowRunOutput."""

    @property
    def event(self) -> str:
        """The class's name: a paused workflow's stream ends with a frame that is an output."""
        return type(self).__name__

    @property
    def is_paused(self) -> bool:
        """Whether the run waits for somebody (``status == "PAUSED"``)."""
        return self.__dict__.get("status") == "PAUSED"

    @property
    def is_cancelled(self) -> bool:
        """Whether the run was cancelled (``status == "CANCELLED"``)."""
        return self.__dict__.get("status") == "CANCELLED"

    @property
    def tools_requiring_confirmation(self) -> List[Any]:
        """The tool calls that wait for a yes or no."""
        return [t for t in self._tools() if t.requires_confirmation and t.confirmed is None]

    @property
    def tools_requiring_user_input(self) -> List[Any]:
        """The tool calls that wait for values from the user."""
        return [t for t in self._tools() if t.requires_user_input and not t.answered]

    @property
    def tools_awaiting_external_execution(self) -> List[Any]:
        """The tool calls that the caller has to execute itself."""
        return [t for t in self._tools() if t.external_execution_required and t.result is None]

    def _tools(self) -> List[Any]:
        tools: Optional[List[Any]] = getattr(self, "tools", None)
        return tools or []

    def raise_for_status(self) -> None:
        """Raise RunFailedError if the run ended as ERROR or CANCELLED; else do nothing."""
        status = self.__dict__.get("status")
        if status in _FAILED:
            run_id = self.__dict__.get("run_id")
            content = self.__dict__.get("content")
            raise RunFailedError("Run %s ended as %s: %s" % (run_id, status, content), output=self)


class Decision(Model):
    """Base of ToolExecution: a tool call that may wait for a decision."""

    @property
    def is_paused(self) -> bool:
        """Whether this call still waits for a decision, values or a result."""
        tool: Any = self
        return bool(
            (tool.requires_confirmation and tool.confirmed is None)
            or (tool.requires_user_input and not tool.answered)
            or (tool.external_execution_required and tool.result is None)
        )

    def confirm(self) -> None:
        """Allow the call. Takes effect when the run is continued."""
        self.__dict__["confirmed"] = True

    def reject(self, note: Optional[str] = None) -> None:
        """Forbid the call; the model reads ``note`` in place of the tool's result."""
        self.__dict__["confirmed"] = False
        if note is not None:
            self.__dict__["confirmation_note"] = note

    def set_result(self, result: str) -> None:
        """Give the result of a call that was executed outside the server."""
        self.__dict__["result"] = result
