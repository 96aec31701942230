//! The named character references of HTML that a server may write for a character of a password: those of HTML 4, which
//! escaping functions use, and every name that HTML 5 has for an ASCII character.
//!
//! All 2,231 names of HTML 5 would add mathematical symbols that no password has, and tens of thousands of instructions
//! for relocating a table at every start. This one is a text until the first reference needs it.

use std::sync::LazyLock;

/// No name is longer.
pub const LONGEST_NAME: usize = 16;
/// No name in [`OPTIONAL_SEMICOLON`] is longer.
const LONGEST_WITHOUT_SEMICOLON: usize = 6;

/// Names that count without a semicolon, too: each with its code point in hexadecimal, in the order of their bytes.
const OPTIONAL_SEMICOLON: &str = "\
    AElig C6 AMP 26 Aacute C1 Acirc C2 Agrave C0 Aring C5 Atilde C3 Auml C4 COPY A9 Ccedil C7 ETH D0 Eacute C9 Ecirc \
    CA Egrave C8 Euml CB GT 3E Iacute CD Icirc CE Igrave CC Iuml CF LT 3C Ntilde D1 Oacute D3 Ocirc D4 Ograve D2 \
    Oslash D8 Otilde D5 Ouml D6 QUOT 22 REG AE THORN DE Uacute DA Ucirc DB Ugrave D9 Uuml DC Yacute DD aacute E1 \
    acirc E2 acute B4 aelig E6 agrave E0 amp 26 aring E5 atilde E3 auml E4 brvbar A6 ccedil E7 cedil B8 cent A2 copy \
    A9 curren A4 deg B0 divide F7 eacute E9 ecirc EA egrave E8 eth F0 euml EB frac12 BD frac14 BC frac34 BE gt 3E \
    iacute ED icirc EE iexcl A1 igrave EC iquest BF iuml EF laquo AB lt 3C macr AF micro B5 middot B7 nbsp A0 not AC \
    ntilde F1 oacute F3 ocirc F4 ograve F2 ordf AA ordm BA oslash F8 otilde F5 ouml F6 para B6 plusmn B1 pound A3 \
    quot 22 raquo BB reg AE sect A7 shy AD sup1 B9 sup2 B2 sup3 B3 szlig DF thorn FE times D7 uacute FA ucirc FB \
    ugrave F9 uml A8 uuml FC yacute FD yen A5 yuml FF";

/// Names that need their semicolon.
const WITH_SEMICOLON: &str = "\
    Alpha 391 Beta 392 Chi 3A7 Dagger 2021 Delta 394 DiacriticalGrave 60 Epsilon 395 Eta 397 Gamma 393 Hat 5E Iota \
    399 Kappa 39A Lambda 39B Mu 39C NewLine A Nu 39D OElig 152 Omega 3A9 Omicron 39F Phi 3A6 Pi 3A0 Prime 2033 Psi \
    3A8 Rho 3A1 Scaron 160 Sigma 3A3 Tab 9 Tau 3A4 Theta 398 UnderBar 5F Upsilon 3A5 VerticalLine 7C Xi 39E Yuml 178 \
    Zeta 396 alefsym 2135 alpha 3B1 and 2227 ang 2220 apos 27 ast 2A asymp 2248 bdquo 201E beta 3B2 bsol 5C bull \
    2022 cap 2229 chi 3C7 circ 2C6 clubs 2663 colon 3A comma 2C commat 40 cong 2245 crarr 21B5 cup 222A dArr 21D3 \
    dagger 2020 darr 2193 delta 3B4 diams 2666 dollar 24 empty 2205 emsp 2003 ensp 2002 epsilon 3B5 equals 3D equiv \
    2261 eta 3B7 euro 20AC excl 21 exist 2203 fnof 192 forall 2200 frasl 2044 gamma 3B3 ge 2265 grave 60 hArr 21D4 \
    harr 2194 hearts 2665 hellip 2026 image 2111 infin 221E int 222B iota 3B9 isin 2208 kappa 3BA lArr 21D0 lambda \
    3BB lang 27E8 larr 2190 lbrace 7B lbrack 5B lceil 2308 lcub 7B ldquo 201C le 2264 lfloor 230A lowast 2217 lowbar \
    5F loz 25CA lpar 28 lrm 200E lsaquo 2039 lsqb 5B lsquo 2018 mdash 2014 midast 2A minus 2212 mu 3BC nabla 2207 \
    ndash 2013 ne 2260 ni 220B notin 2209 nsub 2284 nu 3BD num 23 oelig 153 oline 203E omega 3C9 omicron 3BF oplus \
    2295 or 2228 otimes 2297 part 2202 percnt 25 period 2E permil 2030 perp 22A5 phi 3C6 pi 3C0 piv 3D6 plus 2B \
    prime 2032 prod 220F prop 221D psi 3C8 quest 3F rArr 21D2 radic 221A rang 27E9 rarr 2192 rbrace 7D rbrack 5D \
    rceil 2309 rcub 7D rdquo 201D real 211C rfloor 230B rho 3C1 rlm 200F rpar 29 rsaquo 203A rsqb 5D rsquo 2019 \
    sbquo 201A scaron 161 sdot 22C5 semi 3B sigma 3C3 sigmaf 3C2 sim 223C sol 2F spades 2660 sub 2282 sube 2286 sum \
    2211 sup 2283 supe 2287 tau 3C4 there4 2234 theta 3B8 thetasym 3D1 thinsp 2009 tilde 2DC trade 2122 uArr 21D1 \
    uarr 2191 upsih 3D2 upsilon 3C5 verbar 7C vert 7C weierp 2118 xi 3BE zeta 3B6 zwj 200D zwnj 200C";

/// Names as numbers, which compare faster than texts, in order.
type Names = Vec<(u128, char)>;

static SHORT: LazyLock<Names> = LazyLock::new(|| names(OPTIONAL_SEMICOLON));
static LONG: LazyLock<Names> = LazyLock::new(|| names(WITH_SEMICOLON));

/// The character of a name that a semicolon follows.
pub fn named(name: &[u8]) -> Option<char> {
    let name = number(name)?;
    find(&SHORT, name).or_else(|| find(&LONG, name))
}

/// The longest name that a text begins with and that counts without a semicolon: its length and its character.
pub fn without_semicolon(text: &[u8]) -> Option<(usize, char)> {
    let longest = text.len().min(LONGEST_WITHOUT_SEMICOLON);
    (2..=longest).rev().find_map(|length| Some((length, find(&SHORT, number(text.get(..length)?)?)?)))
}

fn names(table: &'static str) -> Names {
    let mut words = table.split(' ');
    let mut names = Names::new();
    while let (Some(name), Some(code)) = (words.next(), words.next()) {
        let character = u32::from_str_radix(code, 16).ok().and_then(char::from_u32);
        names.extend(number(name.as_bytes()).zip(character));
    }
    names
}

/// A name of at most 16 bytes, in the order of names.
fn number(name: &[u8]) -> Option<u128> {
    let mut bytes = [0; LONGEST_NAME];
    bytes.get_mut(..name.len())?.copy_from_slice(name);
    Some(u128::from_be_bytes(bytes))
}

fn find(names: &Names, name: u128) -> Option<char> {
    let place = names.binary_search_by_key(&name, |(known, _)| *known).ok()?;
    names.get(place).map(|(_, character)| *character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_complete_and_in_order() {
        assert_eq!((SHORT.len(), LONG.len()), (106, 189));
        for table in [&SHORT, &LONG] {
            assert!(table.is_sorted_by(|(one, _), (next, _)| one < next));
        }
        for (name, character) in
            [("amp", '&'), ("yuml", 'ÿ'), ("AElig", 'Æ'), ("euro", '€'), ("excl", '!'), ("zwnj", '\u{200C}')]
        {
            assert_eq!(named(name.as_bytes()), Some(character), "{name}");
        }
        for (text, found) in [
            ("euro", None),
            ("a", None),
            ("", None),
            ("amp", Some((3, '&'))),
            ("ampamp", Some((3, '&'))),
            ("notit", Some((3, '¬'))),
            ("ordmx", Some((4, 'º'))),
            ("supx", None),
            ("Ccedilla", Some((6, 'Ç'))),
        ] {
            assert_eq!(without_semicolon(text.as_bytes()), found, "{text}");
        }
        assert_eq!(named(b"amq"), None);
    }
}
