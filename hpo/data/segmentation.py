"""Words of texts in any script, also where no blanks are between them, by Unicode's rules and ICU's dictionaries.

Which tokenizer a corpus has, by `data.tokenizer=auto`, is decided here, too; English is `tokens`'s concern.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from hpo.config.schema import Tokenizer

# Thai, Lao, Tibetan, Burmese, Khmer; kana and their small extensions; Han
UNSPACED = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff66-\uff9f\U00020000-\U0003347f]"
)
WIDE = re.compile("[\u3000\uff00-\uffef]+")  # Latin letters as wide as Han, kana as narrow as Latin letters
N_LOOKED_AT = 500  # characters of a text
SHARE = 0.1  # of the texts, from which on spaCy's rules would lose more than they know


def choose_tokenizer(tokenizer: Tokenizer, texts: Sequence[str]) -> Tokenizer:
    """Returns the tokenizer of `texts`; `auto` is spaCy's unless a tenth of them is in scripts without blanks."""
    if tokenizer is not Tokenizer.auto:
        return tokenizer
    n_unspaced = sum(map(_is_unspaced, texts))
    return Tokenizer.unicode if n_unspaced > SHARE * len(texts) else Tokenizer.spacy


def split_segments(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yields the words and signs of each text in small letters, cut as UAX #29 says and as ICU's dictionaries know."""
    from icu4py.breakers import WordBreaker

    for text in texts:
        yield [word for word in WordBreaker(_plain(text), "en") if not word.isspace()]


def _plain(text: str) -> str:
    """Returns a text in one form: composed, in small letters of usual width, without halves of characters."""
    usual = WIDE.sub(lambda wide: unicodedata.normalize("NFKC", wide[0]), text)
    whole = unicodedata.normalize("NFC", usual).lower().encode("utf-16", "surrogatepass")
    return whole.decode("utf-16", "replace")


def _is_unspaced(text: str) -> bool:
    """Returns whether most of a text's beginning is in scripts without blanks between words."""
    head = text[:N_LOOKED_AT]
    if head.isascii():
        return False
    n_letters = sum(char.isalpha() for char in head)
    n_unspaced = sum(UNSPACED.match(char) is not None for char in head if char.isalpha())
    return 2 * n_unspaced > n_letters
