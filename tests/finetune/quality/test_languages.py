from __future__ import annotations

import pytest

from core.datasets import Example
from core.texts.languages import language_of
from finetune.quality.languages import foreign_languages
from finetune.quality.scripts import foreign_scripts
from finetune.quality.sheet import Sheet

ENGLISH = [f"I would like to know where my order number {number} is and why it has not arrived" for number in range(40)]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Where do I find the settings of my account?", "English"),
        ("Wo finde ich die Einstellungen für mein Konto?", "German"),
        ("Où est-ce que je trouve les paramètres de mon compte ?", "French"),
        ("¿Dónde puedo ver cuándo llega mi pedido? Muchas gracias", "Spanish"),
        ("Non riesco a trovare il mio ordine, come posso fare?", "Italian"),
        ("Onde posso ver o meu pedido? Não está na minha conta", "Portuguese"),
        ("Waar kan ik mijn bestelling vinden? Het staat niet in mijn account", "Dutch"),
        ("Gdzie jest moje zamówienie i dlaczego go nie ma?", "Polish"),
        ("Siparişim nerede ve neden bu kadar uzun sürdü?", "Turkish"),
    ],
)
def test_language_is_detected_by_common_words(text: str, language: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    "text",
    ["Rebuilt at Redwood #abflood http://t.co/s13bHLKX0v", "ok", "Zapier?", "invoice 4711", "", "api docs oauth"],
)
def test_text_with_few_common_words_has_no_language(text: str) -> None:
    assert language_of(text) == ""


def test_file_with_few_detected_rows_has_no_main_language() -> None:
    rows = [Example(text, "x") for text in [*ENGLISH[:5], "Wo finde ich die Einstellungen für mein Konto?"]]
    assert foreign_languages(Sheet(rows)) == []


def test_file_with_two_languages_gives_a_warning() -> None:
    german = [f"Wo ist meine Bestellung {number} und warum wurde sie nicht geliefert?" for number in range(15)]
    (finding,) = foreign_languages(Sheet([Example(text, "x") for text in [*ENGLISH, *german]]))
    assert (finding.count, finding.severity) == (15, "warning")
    assert "German 15" in finding.sentence


@pytest.mark.parametrize(
    "text", ["カードはどこですか 漢字", "すべて漢字: 東京都", "新宿駅", "iPhone 15 はいつ届きますか"]
)
def test_japanese_may_use_several_scripts(text: str) -> None:
    rows = [Example(f"カードはまだ届いていません {number}", "x") for number in range(30)]
    assert foreign_scripts(Sheet([*rows, Example(text, "x")])) == []


def test_accents_symbols_and_emoji_are_not_another_script() -> None:
    rows = [Example(text, "x") for text in [*ENGLISH, "naïve café 😀 5 µm – ½ ™ ａｂｃ"]]
    assert foreign_scripts(Sheet(rows)) == []
