"""Media in and out, on real servers."""

import base64
from pathlib import Path
from typing import Any

import pytest

from remoteagent_lite import (
    Audio,
    File,
    Image,
    InvalidRequestError,
    RemoteAgent,
    RemoteTeam,
    RemoteWorkflow,
    Video,
)
from tests.peers.server import PeerServer

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PDF = b"%PDF-1.4\n%\xe2\xe3\n"
REMOTES = [(RemoteAgent, "plain"), (RemoteTeam, "duo")]


def sent_to(output: Any, kind: str) -> Any:
    return output.input.to_dict()[kind]


def new(agentos: PeerServer) -> bool:
    return agentos.name != "agno-2.3.20"


@pytest.mark.parametrize(("remote", "id"), REMOTES)
def test_documents_reach_every_version_whole(
    agentos: PeerServer, remote: Any, id: str, tmp_path: Path
) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes("grüße\n".encode())
    files = [File.from_path(path), File(content=PDF, mime_type="application/pdf")]
    with remote(agentos.url, id) as component:
        output = component.run("read", files=files)
    assert output.status == "COMPLETED"
    text, pdf = sent_to(output, "files")
    assert (text["filename"], text["mime_type"]) == ("notes.txt", "text/plain")
    assert text["content"] in ("grüße\n", base64.b64encode(path.read_bytes()).decode())
    assert base64.b64decode(pdf["content"]) == PDF
    assert str(tmp_path) not in str(output.to_dict())


@pytest.mark.parametrize(("remote", "id"), REMOTES)
def test_media_of_every_kind_by_bytes_and_url(
    agentos: PeerServer, remote: Any, id: str, tmp_path: Path
) -> None:
    if not new(agentos):
        with remote(agentos.url, id) as component:
            output = component.run("look", images=[Image(content=PNG, mime_type="image/png")])
            assert base64.b64decode(sent_to(output, "images")[0]["content"]) == PNG
        return
    path = tmp_path / "dot.png"
    path.write_bytes(PNG)
    with remote(agentos.url, id) as component:
        output = component.run(
            "look",
            images=[Image.from_path(path), Image(url="https://example.org/cat.png")],
            audio=[Audio(content=b"RIFF", mime_type="audio/wav", format="wav")],
            videos=[Video(url="https://example.org/v.mp4")],
            files=[File(url="https://example.org/a.pdf", mime_type="application/pdf")],
        )
    images = sent_to(output, "images")
    assert base64.b64decode(images[0]["content"]) == PNG
    assert images[1]["url"] == "https://example.org/cat.png"
    assert base64.b64decode(sent_to(output, "audios")[0]["content"]) == b"RIFF"
    assert sent_to(output, "videos")[0]["url"] == "https://example.org/v.mp4"
    assert sent_to(output, "files")[0]["url"] == "https://example.org/a.pdf"


BIG = PNG + b"\0" * 1_200_000


@pytest.mark.parametrize(("remote", "id"), REMOTES)
def test_a_big_picture_needs_no_type(agentos: PeerServer, remote: Any, id: str) -> None:
    with remote(agentos.url, id) as component:
        output = component.run("look", images=[Image(content=BIG)])
        named = component.run("look", images=[Image(content=BIG, format="jpg")])
    assert output.status == named.status == "COMPLETED"
    (image,) = sent_to(output, "images")
    assert base64.b64decode(image["content"]) == BIG
    assert (image["mime_type"], image["format"]) == ("image/png", "png")
    (image,) = sent_to(named, "images")
    assert (image["mime_type"], image["format"]) == ("image/jpeg", "jpg")


def test_what_is_too_big_for_a_field_is_refused_with_what_else_to_do(agentos: PeerServer) -> None:
    with RemoteAgent(agentos.url, "plain") as agent, RemoteWorkflow(agentos.url, "qa") as workflow:
        for refused in (
            lambda: agent.run("x" * 1_100_000),
            lambda: agent.run("look", images=[Image(content=BIG, id="i")]),
            lambda: workflow.run("look", images=[Image(content=BIG)]),
        ):
            with pytest.raises(InvalidRequestError, match="exceeded maximum size.*known type"):
                refused()


def test_workflows_take_media_of_every_kind(agentos_latest: PeerServer) -> None:
    with RemoteWorkflow(agentos_latest.url, "qa") as workflow:
        output = workflow.run(
            "look",
            images=[Image(content=PNG, mime_type="image/png")],
            files=[File(content=b"a,b\n", mime_type="text/csv", filename="t.csv")],
        )
    assert output.status == "COMPLETED"


def test_type_the_server_does_not_take_is_its_error(agentos_latest: PeerServer) -> None:
    with RemoteAgent(agentos_latest.url, "plain") as agent:
        strange = File(content=b"x", mime_type="application/x-strange", filename="a.strange")
        with pytest.raises(InvalidRequestError, match="nsupported"):
            agent.run("read", files=[strange])


def test_image_in_the_answer_is_saved(agentos: PeerServer, tmp_path: Path) -> None:
    with RemoteAgent(agentos.url, "plain") as agent:
        blocking = agent.run("image")
        with agent.run("image", stream=True) as stream:
            streamed = stream.output()
    for output in (blocking, streamed):
        (image,) = output.images or []
        saved = Path(image.save(tmp_path))
        assert saved.parent == tmp_path
        assert saved.suffix == ".png"
        assert saved.read_bytes() == image.data()
        assert image.data().startswith(b"\x89PNG")
