"""What a person does on the page for labels, by keyboard alone."""

from __future__ import annotations

from playwright.sync_api import Page

NEW = "new"
"""Stands for the question whether a label is new."""


def text_of(page: Page) -> str:
    """The text that is to be labelled, once it is shown."""
    page.wait_for_selector("#task:not([hidden])")
    return page.locator("#texts .words").first.inner_text()


def keys_for(page: Page, label: str) -> list[str]:
    """What a person presses who reads the page."""
    if page.locator("#take span").inner_text() == label:
        return ["Enter"]
    ranked = page.locator("#ranked button span").all_inner_texts()
    if label in ranked:
        return [str(ranked.index(label) + 1)]
    known = page.locator(f'#choices button[data-label="{label}"]')
    # A label that nobody has used yet is typed, and confirmed as new.
    return list(str(known.get_attribute("data-code"))) if known.count() else ["/", *label, "Enter", NEW, "Enter"]


def give(page: Page, label: str) -> int:
    """Label the text that is shown; the number of keys."""
    keys, before = keys_for(page, label), text_of(page)
    for key in keys:
        if key == NEW:
            page.get_by_text(f"A new label “{label}”").wait_for()
        else:
            page.keyboard.press(key)
    page.wait_for_function(
        "before => document.querySelector('#task').hidden"
        " || document.querySelector('#texts .words').innerText !== before",
        arg=before,
    )
    return len(keys)
