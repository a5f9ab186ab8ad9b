"""Files inside wheels, whole and in parts, from indexes that are right, wrong or hostile."""

from __future__ import annotations

from typing import Any

import pytest

from rtvi_local.model_store import ModelStore, PullFailed
from tests.model_store.conftest import Shop, file_entry, model_entry, sha256, some_bytes
from tests.model_store.http_server import status

CONTENT = some_bytes(200_000)


def inside(package: str, path: str = "data/m.bin", version: str = "1.0") -> dict[str, Any]:
    return {"package": package, "version": version, "path": path}


def part_of(package: str, content: bytes) -> dict[str, Any]:
    return inside(package) | {"size": len(content), "sha256": sha256(content)}


def store_of(shop: Shop, *sources: dict[str, Any], content: bytes = CONTENT) -> ModelStore:
    return shop.store(m=model_entry(file_entry("m.bin", content, *sources)))


@pytest.mark.parametrize("html", [False, True], ids=["json index", "html index"])
def test_a_file_comes_out_of_a_wheel_and_the_wheel_goes(shop: Shop, html: bool) -> None:
    shop.publish("my-wheel", {"data/m.bin": CONTENT, "other": b"no"}, html=html)
    store = store_of(shop, inside("my-wheel"))
    store.pull(["m"])
    assert (store.path("m") / "m.bin").read_bytes() == CONTENT
    assert sorted(path.name for path in shop.directory.rglob("*") if path.is_file()) == [".lock", ".verified.json", "m.bin"]


def test_a_wheel_with_several_wanted_files_is_fetched_once(shop: Shop) -> None:
    path = shop.publish("my-wheel", {"data/m.bin": CONTENT, "b": b"two", "c": b"three"})
    files = [
        file_entry("m.bin", CONTENT, inside("my-wheel")),
        file_entry("b", b"two", inside("my-wheel", "b")),
        file_entry("c", b"three", inside("my-wheel", "c")),
    ]
    store = shop.store(m=model_entry(*files))
    store.pull(["m"])
    assert store.missing(["m"]) == ()
    assert len(shop.server.ranges_asked(path)) == 1


def test_a_wheel_is_kept_no_longer_than_it_is_needed_even_if_the_pull_fails(shop: Shop) -> None:
    shop.publish("my-wheel", {"data/m.bin": CONTENT})
    missing = file_entry("other", b"other", {"url": shop.server.url + "/missing"})
    store = shop.store(m=model_entry(file_entry("m.bin", CONTENT, inside("my-wheel")), missing))
    with pytest.raises(PullFailed, match="404"):
        store.pull(["m"])
    assert (shop.directory / "m" / "m.bin").read_bytes() == CONTENT
    assert not list(shop.directory.rglob("*.whl*"))


def test_parts_are_joined_in_their_order(shop: Shop) -> None:
    pieces = [CONTENT[at : at + 40_000] for at in range(0, len(CONTENT), 40_000)]
    for number, piece in enumerate(pieces):
        shop.publish(f"part{number}", {"data/m.bin": piece})
    store = store_of(shop, {"parts": [part_of(f"part{number}", piece) for number, piece in enumerate(pieces)]})
    store.pull(["m"])
    assert (store.path("m") / "m.bin").read_bytes() == CONTENT


def test_parts_that_came_are_not_fetched_again(shop: Shop) -> None:
    pieces = [CONTENT[:50_000], CONTENT[50_000:120_000], CONTENT[120_000:]]
    paths = [shop.publish(f"part{number}", {"data/m.bin": piece}) for number, piece in enumerate(pieces)]
    shop.server.resources[paths[1]].faults += [status(404)]
    store = store_of(shop, {"parts": [part_of(f"part{number}", piece) for number, piece in enumerate(pieces)]})
    with pytest.raises(PullFailed, match="404"):
        store.pull(["m"])
    store.pull(["m"])
    assert (store.path("m") / "m.bin").read_bytes() == CONTENT
    assert len(shop.server.ranges_asked(paths[0])) == 1


def test_a_part_half_appended_when_the_process_died_is_appended_again(shop: Shop) -> None:
    pieces = [CONTENT[:50_000], CONTENT[50_000:]]
    paths = [shop.publish(f"part{number}", {"data/m.bin": piece}) for number, piece in enumerate(pieces)]
    store = store_of(shop, {"parts": [part_of(f"part{number}", piece) for number, piece in enumerate(pieces)]})
    left = shop.directory / ".partial" / "m"
    left.mkdir(parents=True)
    (left / f"m.bin.{sha256(CONTENT)[:16]}.joining").write_bytes(CONTENT[:90_000])
    store.pull(["m"])
    assert (store.path("m") / "m.bin").read_bytes() == CONTENT
    assert not shop.server.ranges_asked(paths[0])


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"data/other.bin": CONTENT}, "has no data/m.bin"),
        ({"../data/m.bin": CONTENT, "/data/m.bin": CONTENT}, "has no data/m.bin"),
        ({"data/m.bin": CONTENT[:-1]}, "199999 bytes, but 200000"),
        ({"data/m.bin": bytes(50_000_000)}, "50000000 bytes, but 200000"),
        ({"data/m.bin": CONTENT[:-1] + b"?"}, "sha256"),
    ],
    ids=["absent", "traversal", "short", "bomb", "wrong hash"],
)
def test_a_wheel_with_the_wrong_content_is_refused(shop: Shop, members: dict[str, bytes], reason: str) -> None:
    shop.publish("my-wheel", members)
    with pytest.raises(PullFailed, match=reason):
        store_of(shop, inside("my-wheel")).pull(["m"])
    assert not list(shop.directory.rglob("m.bin*"))


def test_a_member_that_unpacks_to_more_than_it_declares_is_cut_off(shop: Shop) -> None:
    path = shop.publish("my-wheel", {"data/m.bin": bytes(5_000_000)})
    content = shop.server.resources[path].body
    lying = content.replace((5_000_000).to_bytes(4, "little"), (200_000).to_bytes(4, "little"))
    assert lying != content
    shop.publish("my-wheel", {}, digest=sha256(lying), html=True)
    shop.server.put(path, lying)
    with pytest.raises(PullFailed, match=r"cannot be unpacked|another size|sha256"):
        store_of(shop, inside("my-wheel")).pull(["m"])
    assert not list(shop.directory.rglob("m.bin*"))


def test_a_wheel_that_is_no_zip_is_refused(shop: Shop) -> None:
    path = shop.publish("my-wheel", {}, digest=sha256(CONTENT), html=True)
    shop.server.put(path, CONTENT)
    with pytest.raises(PullFailed, match="cannot be unpacked"):
        store_of(shop, inside("my-wheel")).pull(["m"])


def test_the_hash_that_the_index_gives_is_checked(shop: Shop) -> None:
    shop.publish("my-wheel", {"data/m.bin": CONTENT}, digest=sha256(b"something else"))
    with pytest.raises(PullFailed, match=sha256(b"something else")):
        store_of(shop, inside("my-wheel")).pull(["m"])


@pytest.mark.parametrize("package", ["not-there", "my-wheel"])
def test_an_index_without_the_wheel_makes_way_for_the_next_source(shop: Shop, package: str) -> None:
    shop.publish("my-wheel", {"data/m.bin": CONTENT})
    url = shop.server.put("/a", CONTENT)
    store = store_of(shop, inside(package, version="2.0"), {"url": url})
    store.pull(["m"])
    assert store.missing(["m"]) == ()


def test_an_index_page_that_cannot_be_read_is_reported(shop: Shop) -> None:
    shop.server.put("/simple/my-wheel/", b"{nonsense", content_type="application/vnd.pypi.simple.v1+json")
    with pytest.raises(PullFailed, match="cannot be read"):
        store_of(shop, inside("my-wheel")).pull(["m"])


def test_the_index_is_the_one_that_pip_uses(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.publish("my-wheel", {"data/m.bin": CONTENT})
    monkeypatch.setenv("PIP_INDEX_URL", shop.server.url + "/simple/")
    shop.network = type(shop.network)(patience=shop.network.patience)
    store = store_of(shop, inside("my-wheel"))
    store.pull(["m"])
    assert store.missing(["m"]) == ()


def test_the_index_may_keep_its_files_elsewhere_but_they_may_not_redirect_further(shop: Shop) -> None:
    path = shop.publish("my-wheel", {"data/m.bin": CONTENT})
    shop.server.resources[path].faults += [status(302, Location="https://example.invalid/wheel")]
    with pytest.raises(PullFailed, match=r"refused to go to example\.invalid"):
        store_of(shop, inside("my-wheel")).pull(["m"])
