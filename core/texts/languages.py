"""The language of a text, detected by common words.

Only languages with the Latin script are known; `core.texts.scripts` detects other scripts. Texts with few common words,
or with similar scores for two languages, have no detected language.
"""

from __future__ import annotations

import re
from collections import Counter

# Words have at least two letters; URLs and tags belong to no language.
_WORD = re.compile(r"[^\W\d_]{2,}(?:['’][^\W\d_]+)?")
_NOT_WORDS = re.compile(r"https?://\S+|www\.\S+|[@#&]\w+")

COMMON_WORDS = {
    "English": "the be to of and a in that have i it for not on with he as you do at this but his by from they we "
    "say her she or an will my one all would there their what so up out if about who get which go me when make can "
    "like no just him know take into your some could them see other than then now only come its over also how our "
    "is are was were has had been did does am don't i'm it's u ur 2 please why where any want need us off too more "
    "man war die den des per con plan pay card still been last app fast must den most top per pro sin van has was "
    "as do me no to a so la dat ma per son come dove fare one sole male mi en en de",
    "German": "der die das und ist nicht ich du er sie es wir ihr ein eine einen einem einer mit auf für von dem den "
    "des im zu zum zur auch sich wie aber oder wenn dass mein meine meinen bitte habe hat haben wird werden kann "
    "können noch nur schon bei nach aus über warum wo was mir mich kein keine sind war am an in so",
    "French": "le la les un une des et est pas je tu il elle nous vous ils ne que qui dans pour sur avec ce cette "
    "mon ma mes votre vos au aux du de en plus mais ou où comment pourquoi j'ai c'est suis sont être avoir fait "
    "très bien s'il merci bonjour quel quelle a son sa ses on me",
    "Spanish": "el la los las un una y es no que de en por para con mi mis su sus se lo le como pero más o donde "
    "cómo qué cuando cuándo porque muy está estoy están ser tengo tiene hay puedo quiero hola gracias favor esta "
    "este del al yo tu me una ha he si",
    "Italian": "il lo la gli le un una di che è non per con mi mio mia si sono come ma più o dove quando perché "
    "questo questa del della dei delle nel nella al alla ho hai ha abbiamo essere fare grazie ciao anche posso "
    "vorrei molto e i a da in",
    "Portuguese": "o os as um uma e é não que de em por para com meu minha se como mas mais ou onde quando porque "
    "muito está estou são ser tenho tem há posso quero obrigado obrigada olá esta este do da dos das no na nos nas "
    "ao eu você me foi a",
    "Dutch": "de het een en is niet ik je jij hij zij wij we mijn van op voor met te aan dat die er maar of als hoe "
    "waar waarom wat wanneer kan kunnen heb heeft hebben wordt worden ook nog naar bij uit om deze dit geen graag "
    "zijn was in over",
    "Swedish": "och att det är inte jag du han hon vi ni en ett den på för med av till om men eller som hur var "
    "varför när kan har hade ska blir från mitt min mina också bara min så i de",
    "Danish": "og at det er ikke jeg du han hun vi en et den på for med af til om men eller som hvordan hvor hvorfor "
    "hvornår kan har havde skal bliver fra mit min mine også kun så i de",
    "Polish": "i w na z że nie się to jest do jak o co ale po tak za od czy już tylko jestem mam ma moja mój moje "
    "gdzie kiedy dlaczego proszę dziękuję być był była są dla przez może",
    "Turkish": "ve bir bu için ile de da ne nasıl neden nerede çok daha var yok ben sen biz siz ama gibi kadar "
    "olarak değil mi mı mu mü benim lütfen teşekkürler oldu olan istiyorum",
    "Indonesian": "yang dan di ke dari untuk dengan ini itu tidak saya anda kami kita adalah akan pada bisa sudah "
    "apa bagaimana mengapa kapan dimana tolong terima kasih juga atau karena ada belum",
    "Romanian": "și si este nu că de la în cu pe pentru un o am ai are au mai cum unde când dar sau din care sunt "
    "vreau mulțumesc rog acest această fost fi meu mea",
    "Czech": "a je se na že v to s z do jak o co ale po tak za od jsem jsou mám má moje můj kde kdy proč prosím "
    "děkuji být byl byla pro není nebo když už jen si",
}


def _languages_by_word() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for language, words in COMMON_WORDS.items():
        for word in set(words.split()):
            found.setdefault(word, []).append(language)
    return {word: tuple(languages) for word, languages in found.items()}


LANGUAGES_BY_WORD = _languages_by_word()


def word_scores(text: str) -> Counter[str]:
    """The number of distinct common words of each language in a text; a word of n languages counts as 1/n.

    >>> word_scores("Wo ist meine Karte?").most_common(1)
    [('German', 3.0)]
    """
    found: Counter[str] = Counter()
    for word in set(_WORD.findall(_NOT_WORDS.sub(" ", text.lower()))):
        for language in LANGUAGES_BY_WORD.get(word, ()):
            found[language] += 1 / len(LANGUAGES_BY_WORD[word])  # type: ignore[assignment]  # a Counter of floats
    return found


def language_of(text: str) -> str:
    """The language of a text; "" if it is unclear."""
    ranked = word_scores(text).most_common(2)
    if not ranked or ranked[0][1] < 2:
        return ""
    second = ranked[1][1] if len(ranked) > 1 else 0.0
    return ranked[0][0] if ranked[0][1] >= 2 * second else ""
