"""Names of shops that do not exist, for the merchants of the sandbox."""

import random

CAST_NAMES = (
    "Fjordbris Sport AS",
    "Trolltind Kaffebrenneri AS",
    "Lilla Blåklockan AB",
    "Rugmark & Søn ApS",
    "Tyttebærsnekkeren AS",
    "<!channel> *Gratis* \u202egnitfig\u202c & <https://evil.example|Brann> AS",
    "Skrei & Salt AS",
    "Kråkefjell Hyttetun AS",
    "Havtorn Naturkosmetik ApS",
    "Smultronstigens Möbler AB",
)
EVIL_DESCRIPTION = "Awaiting signature <!here> *now* \u202etxet desrever\u202c `code` <@U000000001>"
EVIL_LINK = "javascript:alert(document.domain)"

FIRST_WORDS = {
    "NO": ("Nordlys", "Fjellrev", "Havblikk", "Multemyra", "Rallar", "Brunost", "Lyngheia", "Orrhane"),
    "SE": ("Norrsken", "Ekoxen", "Tranbär", "Kanelhörnan", "Björklunda", "Smålom", "Vitsippan"),
    "DK": ("Møllehøj", "Strandtudsen", "Hyldebær", "Klitrose", "Bøgely", "Søstjernen"),
}
TRADES = {
    "NO": (
        "Keramikk AS",
        "Sykkelverksted AS",
        "Bakeri AS",
        "Havbruk AS",
        "Garn ENK",
        "Utstyr AS",
        "Bokhandel SA",
    ),
    "SE": ("Trädgård AB", "Garn HB", "Bokhandel AB", "Keramik AB", "Cykel AB", "Konditori AB"),
    "DK": ("Vinhandel A/S", "Cykler ApS", "Keramik IVS", "Bageri ApS", "Planteskole ApS"),
}


def shop_name(chance: random.Random, country: str) -> str:
    """Return the name of a shop in Norway (NO), Sweden (SE) or Denmark (DK)."""
    return f"{chance.choice(FIRST_WORDS[country])} {chance.choice(TRADES[country])}"


def readable(text: str) -> str:
    """Return text for a terminal: what cannot be printed stands as its code point."""
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text)
