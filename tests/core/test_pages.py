from __future__ import annotations

from pathlib import Path

from core.pages import MOST_LINKS, links_beside, page

TEMPLATE = """{% extends "single_file.html" %}
{% block title %}{{ name }}{% endblock %}
{% block main %}<p>{{ name }}</p>{% endblock %}
"""


def write(folder: Path, file: str, name: str) -> Path:
    template = folder / "page.j2"
    template.write_text(TEMPLATE)
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(template, links=links_beside(path), name=name))
    return path


def test_a_page_holds_the_stylesheet_and_escapes_its_values(tmp_path: Path) -> None:
    content = write(tmp_path, "a.html", "<b>").read_text()
    assert "--accent" in content
    assert content.count("&lt;b&gt;") == 2
    assert "<link" not in content


def test_a_page_links_to_the_pages_of_retune_beside_it(tmp_path: Path) -> None:
    write(tmp_path, "first one.html", "A & <b>")
    write(tmp_path, "package/rungs.html", "Rungs")
    (tmp_path / "foreign.html").write_text("<title>Foreign</title>")
    path = write(tmp_path, "second.html", "Second")
    assert [(link.address, link.name) for link in links_beside(path)] == [
        ("first%20one.html", "A & <b>"),
        ("package/rungs.html", "Rungs"),
    ]
    assert '<a href="first%20one.html">A &amp; &lt;b&gt;</a>' in path.read_text()


def test_a_folder_of_many_pages_gives_few_links(tmp_path: Path) -> None:
    for number in range(MOST_LINKS + 3):
        write(tmp_path, f"{number:02}.html", str(number))
    assert len(links_beside(tmp_path / "new.html")) == MOST_LINKS
