use proptest::prelude::*;
use serde_json::{Value, json};

use super::{given, mask, raw};
use crate::scrub::{MASK, Secrets, escapes};

/// A text written as a server writes it that escapes some characters, and those that begin an escape always.
fn written(text: &str, family: usize, choices: &[u8]) -> String {
    let pick = |index: usize| choices[index % choices.len()];
    let percent = |bytes: &[u8], choice: u8| -> String {
        bytes.iter().map(|byte| if choice & 2 == 0 { format!("%{byte:02x}") } else { format!("%{byte:02X}") }).collect()
    };
    let escaped = |index: usize, character: char| {
        let choice = pick(index);
        let opening = match family {
            0 | 1 => "%",
            2 => "%+",
            3 => "\\",
            _ => "&",
        };
        if choice & 1 == 0 && !opening.contains(character) {
            return (if family == 2 && character == ' ' { '+' } else { character }).to_string();
        }
        let code = u32::from(character);
        match family {
            0 | 2 => percent(character.to_string().as_bytes(), choice),
            1 => escapes::windows_byte(character).map_or(character.to_string(), |byte| percent(&[byte], choice)),
            3 => match (character, choice >> 1 & 1) {
                ('"' | '\\' | '/', 0) => format!("\\{character}"),
                ('\n', 0) => "\\n".into(),
                _ => character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
            },
            _ => match (character, choice >> 1 & 3) {
                ('&', 0) => "&amp;".into(),
                ('<', 0) => "&lt;".into(),
                ('"', 0) => "&quot;".into(),
                ('é', 0) => "&eacute;".into(),
                ('€', 0) => "&euro;".into(),
                ('{', 0) => "&lcub;".into(),
                (_, 1) => format!("&#{code};"),
                (_, 2) => format!("&#x{code:X};"),
                _ => format!("&#{code:0width$};", width = usize::from(choice)),
            },
        }
    };
    text.chars().enumerate().map(|(index, character)| escaped(index, character)).collect()
}

proptest! {
    #[test]
    fn every_spelling_of_any_secret_is_found(
        secret in r#"[a-c%+&;\\/"<{ 0-4é€ï🔑#xu\n]{4,12}"#,
        family in 0..5_usize,
        choices in prop::collection::vec(any::<u8>(), 1..12),
        // Nothing that could be read together with the secret's first character.
        around in "[ A-F.!]{0,5}",
        learned in any::<bool>(),
    ) {
        let form = written(&secret, family, &choices);
        let text = format!("{around}!{form}!");
        let secrets = Secrets::default();
        if learned { secrets.learn(&secret) } else { secrets.add(&secret) }
        let masked = secrets.mask(&text).into_owned();
        prop_assert_eq!(&masked, &format!("{around}!{MASK}!"), "{}", text);
        let quoted = json!({ &text: [&text] }).to_string();
        let (clean, found) = if learned {
            secrets.mask_answer(quoted)
        } else {
            let (clean, found) = secrets.json(&raw(&quoted), None).unwrap();
            (clean.text().to_owned(), found)
        };
        prop_assert!(found);
        prop_assert_eq!(serde_json::from_str::<Value>(&clean).unwrap(), json!({ &masked: [&masked] }));
    }

    #[test]
    fn text_without_the_secret_stays(text in r#"[a-c%+&;\\/"<{ 0-4é€🔑#xu]{0,80}"#) {
        // Its characters are not in the text, whatever the text is read as.
        prop_assert_eq!(mask("Zß§ZQ", &text), text);
    }

    #[test]
    fn overlapping_secrets_are_masked_as_a_simple_search_masks_them(
        secrets in prop::collection::vec("[ab]{4,8}", 1..6),
        text in "[ab%]{0,60}",
    ) {
        let mut covered = vec![false; text.len()];
        for (at, _) in text.char_indices() {
            for secret in secrets.iter().filter(|secret| text.as_bytes()[at..].starts_with(secret.as_bytes())) {
                covered[at..at + secret.len()].fill(true);
            }
        }
        let kept: String = text.char_indices().filter(|(at, _)| !covered[*at]).map(|(_, c)| c).collect();
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        prop_assert_eq!(given(&secrets).mask(&text).replace('*', ""), kept);
    }
}
