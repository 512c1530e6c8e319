# Generated from specs/activeworkflow.json by codegen/models.py (make models). Do not edit.

from __future__ import annotations

from typing import Any, Dict, List, Literal, Optional

from ..modelling.base import Model, nested


class Credential(Model):
    name: str
    value: str


class Message(Model):
    payload: Dict[str, Any]
    id: Optional[int] = None
    user_id: Optional[int] = None
    agent_id: Optional[int] = None
    created_at: Optional[str] = None
    updated_at: Optional[str] = None
    expires_at: Optional[str] = None


class Params(Model):
    options: Optional[Dict[str, Any]] = None
    memory: Optional[Dict[str, Any]] = None
    credentials: Optional[List[Credential]] = nested(["Credential"], default=None)
    message: Optional[Message] = nested("Message", default=None)


class RegisterResult(Model):
    name: str
    display_name: str
    description: str
    default_options: Dict[str, Any]


class Request(Model):
    method: Method
    params: Params = nested("Params")


class RunResult(Model):
    errors: Optional[List[str]] = None
    logs: Optional[List[str]] = None
    memory: Optional[Dict[str, Any]] = None
    messages: Optional[List[Dict[str, Any]]] = None


class CheckResult(RunResult):
    pass


class ReceiveResult(RunResult):
    pass


class RegisterResponse(Model):
    result: RegisterResult = nested("RegisterResult")


class CheckResponse(Model):
    result: CheckResult = nested("CheckResult")


class ReceiveResponse(Model):
    result: ReceiveResult = nested("ReceiveResult")


Method = Literal["register", "receive", "check"]
