"""Floor 2: which encodings bytes look like that are no UTF-8 and do not say what they are.

East Asian text is told by how its bytes pair, text in Latin letters by the alphabets its letters
are from, all else by charset-normalizer: short Latin text it takes for that of other languages.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from charset_normalizer import from_bytes

_SAMPLE_BYTES: Final = 32 * 1024
_HIGH_RUN: Final = re.compile(rb"[\x80-\xff]+")
_LETTER: Final = re.compile(rb"[A-Za-z\x80-\xff]")
_MIN_FOREIGN_SHARE: Final = 0.4
_MAX_LATIN_SHARE: Final = 0.7
_MIN_KANA: Final = 0.15
_MAX_HANJA: Final = 0.1
_MIN_USUAL: Final = 0.85
_MIN_FIT: Final = 0.9
_KANA: Final = re.compile("[\u3040-\u30ff]")
_WIDE: Final = re.compile("[\u2e80-\u9fff\uac00-\ud7a3\uf900-\uffef]")

_OTHERS: Final = [
    *("cp1251", "koi8_r", "cp866", "mac_cyrillic", "cp1253", "cp1255", "cp1256", "cp874"),
]
_SIGNS: Final = "„“”‚‘’–—…€§°«»•©®™\N{NO-BREAK SPACE}"  # noqa: RUF001 - the very signs are meant
_ALPHABETS: Final[Mapping[str, tuple[str, ...]]] = {
    "cp1252": (
        "äöüßéàèç",  # German
        "àâçéèêëîïôûùüÿœæ",  # French
        "áéíóúñü¿¡ªº",  # Spanish
        "áâãàçéêíóôõúüªº",  # Portuguese
        "àèéìòóùî",  # Italian
        "áàéèêëíïóöúüĳ",  # Dutch
        "åäöæøéüàôó",  # Swedish, Danish, Norwegian, Finnish
        "áéíóúýðþæö",  # Icelandic
    ),
    "cp1250": (
        "ąćęłńóśźż",  # Polish
        "áčďéěíňóřšťúůýž",  # Czech
        "áäčďéíĺľňóôŕšťúýž",  # Slovak
        "áéíóöőúüű",  # Hungarian
        "čćđšžž",  # Croatian, Slovenian
        "ăâîşţ",  # Romanian
    ),
    "iso8859_2": (),
    "cp1254": ("çğıöşüâîûİ",),  # Turkish
    "cp1257": ("āčēģīķļņšūž", "ąčęėįšųūž", "äöõüšž"),  # Latvian, Lithuanian, Estonian
    "cp850": (),
}


def guesses(data: bytes) -> Iterator[str]:
    """Names of encodings, the likeliest first; whether the bytes are valid in it is not told."""
    sample = data[:_SAMPLE_BYTES]
    if len(data) > _SAMPLE_BYTES:
        sample = sample[: max(sample.rfind(b"\n"), sample.rfind(b" ")) + 1] or sample
    high = sum(map(len, _HIGH_RUN.findall(sample)))
    share = high / max(len(_LETTER.findall(sample)), 1)
    latin, fit = _latin(sample)
    if fit >= _MIN_FIT and share <= _MAX_LATIN_SHARE:
        yield latin
    if east_asian := _east_asian(sample):
        yield east_asian
    if share >= _MIN_FOREIGN_SHARE:
        best = from_bytes(sample, cp_isolation=_OTHERS, threshold=0.6).best()
        if best is not None:
            yield best.encoding
    yield latin
    yield "cp1252"


def _east_asian(sample: bytes) -> str:
    """The encoding whose pairs of bytes these are; "" where they are no pairs."""
    runs = [run for run in _HIGH_RUN.findall(sample) if len(run) > 1 or run >= b"\xa1"]
    if not runs:
        return ""
    if all(len(run) % 2 == 0 and min(run) >= 0xA1 for run in runs):  # noqa: PLR2004 - EUC's first
        return _paired(b"".join(runs))
    shift_jis = _valid(sample, "cp932")
    if shift_jis and len(_KANA.findall(shift_jis)) >= len(_WIDE.findall(shift_jis)) * _MIN_KANA > 0:
        return "cp932"
    big5 = _valid(sample, "cp950")
    if big5 and _share(sample, "cp950", 0xA1, 0xC6) >= _MIN_USUAL:
        return "cp950"
    if _valid(sample, "gb18030") and _share(sample, "gb18030", 0xA1, 0xF7) >= _MIN_USUAL:
        return "gb18030"
    return ""


def _paired(pairs: bytes) -> str:
    """Of the encodings all of whose pairs are of two high bytes, the likeliest.

    Japanese has kana, whose first bytes are 0xA4 and 0xA5. Korean has Hangul, 0xB0 to 0xC8, and
    hardly any of the Chinese signs that follow there; Chinese is spread over both.
    """
    leads = pairs[::2]
    signs = [lead for lead in leads if lead >= 0xA4]  # noqa: PLR2004 - before it is punctuation
    if not signs:
        return "gb18030"
    if sum(lead in {0xA4, 0xA5} for lead in signs) > len(signs) * _MIN_KANA:
        return "euc_jp"
    hanja = sum(lead > 0xC8 for lead in signs)  # noqa: PLR2004 - the last of Hangul
    return "cp949" if hanja <= len(signs) * _MAX_HANJA else "gb18030"


def _valid(sample: bytes, encoding: str) -> str:
    """The sample's text, but for a last sign that is cut; "" where it is not valid."""
    for end in (len(sample), len(sample) - 1):
        try:
            return sample[:end].decode(encoding)
        except UnicodeDecodeError:
            continue
    return ""


def _share(sample: bytes, encoding: str, first: int, last: int) -> float:
    """How many of the signs that are no ASCII start with a byte of the usual ones."""
    signs = [sign for sign in sample.decode(encoding, "ignore") if sign > "\x7f"]
    leads = [sign.encode(encoding, "ignore")[:1] for sign in signs[:2_000]]
    two = [lead for lead in leads if lead]
    return sum(first <= lead[0] <= last for lead in two) / len(two) if len(two) > 1 else 0.0


def _latin(sample: bytes) -> tuple[str, float]:
    """The encoding in which most letters are of one language's alphabet, and how many are."""
    best, best_fit = "cp1252", 0.0
    for encoding, own in _ALPHABETS.items():
        alphabets = own or _ALPHABETS["cp1250" if encoding == "iso8859_2" else "cp1252"]
        text = sample.decode(encoding, "replace")
        high = [letter for letter in text.lower() if letter > "\x7f"]
        fit = max(_fit(high, alphabet) for alphabet in alphabets)
        if fit > best_fit + 0.02:
            best, best_fit = encoding, fit
    return best, best_fit


def _fit(high: list[str], alphabet: str) -> float:
    """How many of the letters and signs are in the alphabet, or usual between its words."""
    usual = frozenset(alphabet + _SIGNS)
    return sum(each in usual for each in high) / len(high) if high else 0.0
