//! Reading the certificates of a file, in the forms that people have them in: whole, or refused in words.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rustix::fs::OFlags;
use rustls::pki_types::CertificateDer;

use super::super::words::words;
use super::certificate::Certificate;

/// No bundle of certificates is larger: 16 MiB.
const LARGEST: u64 = 16 << 20;
const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// Whether a certificate can be read, and trusted for what it is.
pub fn is_usable(der: &CertificateDer<'_>) -> bool {
    Certificate::read(der).is_ok_and(|it| !it.may_sign_for_servers() || webpki::anchor_from_trusted_cert(der).is_ok())
}

/// What is said of a file whose certificate of this number is not usable.
pub fn broken(number: usize) -> String {
    format!("is broken: certificate {number} in it cannot be read. Copy that certificate again, whole.")
}

/// The certificates of a file, at least one, in its order.
///
/// # Errors
/// What is wrong with the file and what to do, as the rest of a sentence that begins with its name.
pub fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = bytes(path)?;
    let name = path.display();
    if bytes.first() == Some(&0x30) && Certificate::read(&bytes).is_ok() {
        return Ok(vec![CertificateDer::from(bytes)]); // DER
    }
    let text = text(&bytes).ok_or_else(|| foreign(&bytes, path))?;
    let mut certificates = Vec::new();
    let mut others = Vec::new();
    for block in text.split(BEGIN).skip(1) {
        let label = block.split(DASHES).next().unwrap_or_default();
        match label {
            "CERTIFICATE" | "X509 CERTIFICATE" => {
                let certificate = decoded(block, label).ok_or_else(|| broken(certificates.len() + 1))?;
                certificates.push(CertificateDer::from(certificate));
            }
            "TRUSTED CERTIFICATE" => {
                return Err(format!(
                    "holds a TRUSTED CERTIFICATE, OpenSSL's own form. Convert it: openssl x509 -in '{name}' -out ca.pem \
                     (one certificate a file)."
                ));
            }
            "PKCS7" | "CMS" => {
                return Err(format!("holds PKCS#7. Convert it: openssl pkcs7 -in '{name}' -print_certs -out ca.pem"));
            }
            label => others.push(label),
        }
    }
    match (certificates.is_empty(), others.first()) {
        (false, _) => Ok(certificates),
        (true, Some(label)) if label.ends_with("PRIVATE KEY") => {
            Err("holds a private key and no certificate. Name the file with the CA's certificate.".to_owned())
        }
        (true, Some(label)) if label.ends_with("CERTIFICATE REQUEST") => {
            Err("holds a certificate request and no certificate. Name the file with the CA's certificate.".to_owned())
        }
        (true, _) => Err(foreign(&bytes, path)),
    }
}

/// The bytes of a regular file; anything else could be endless, or silent forever.
fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "does not exist. Correct the path, or copy the CA's certificate there.".to_owned(),
        io::ErrorKind::PermissionDenied => "cannot be read: permission denied.".to_owned(),
        _ => format!("cannot be read: {}.", words(&error)),
    };
    let mut options = File::options();
    let nonblocking = OFlags::NONBLOCK.bits().try_into().unwrap_or_default();
    let file = options.read(true).custom_flags(nonblocking).open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        let kind = if metadata.is_dir() { "a directory" } else { "not a regular file" };
        return Err(format!("is {kind}. Name one file with the certificates in PEM form."));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    match bytes.len() as u64 > LARGEST {
        true => Err(format!("is larger than {} MiB, so not a file of CA certificates.", LARGEST >> 20)),
        false => Ok(bytes),
    }
}

/// The bytes as text in which line breaks are line breaks; none when they are not text.
fn text(bytes: &[u8]) -> Option<Cow<'_, str>> {
    // Comments between the blocks may be in any encoding.
    let text = String::from_utf8_lossy(bytes);
    let binary = bytes.contains(&0) && !text.contains(BEGIN);
    match text.contains("\\n") || text.contains("\\r") {
        _ if binary => None,
        true => Some(text.replace("\\r", "\n").replace("\\n", "\n").into()),
        false => Some(text),
    }
}

/// The content of a PEM block that goes on behind its `-----BEGIN `.
fn decoded(block: &str, label: &str) -> Option<Vec<u8>> {
    let (content, _) =
        block.strip_prefix(label)?.strip_prefix(DASHES)?.split_once(&format!("-----END {label}-----"))?;
    let content: String = content.split_ascii_whitespace().collect();
    BASE64_STANDARD.decode(content).ok()
}

/// What a file is that holds no PEM block of use.
fn foreign(bytes: &[u8], path: &Path) -> String {
    let name = path.display();
    let start = bytes.trim_ascii_start();
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    match start {
        [] => "is empty. Copy the CA's certificate into it, in PEM form.".to_owned(),
        [b'<', ..] => {
            "holds HTML or XML and no certificate, perhaps an error page. Download the CA's certificate again."
                .to_owned()
        }
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            format!("holds UTF-16 text. Convert it: iconv -f UTF-16 -t UTF-8 '{name}' > ca.pem")
        }
        [0xfe, 0xed, 0xfe, 0xed, ..] => {
            format!("is a Java keystore. Convert it: keytool -exportcert -rfc -keystore '{name}' -alias ALIAS > ca.pem")
        }
        // SEQUENCE { INTEGER 3: PKCS#12. A private key has version 0 there.
        [0x30, 0x82, _, _, 2, 1, 3, ..] | [0x30, 0x80 | 0x81, _, 2, 1, 3, ..] | [0x30, 0x80, 2, 1, 3, ..] => {
            format!("is a PKCS#12 file. Convert it: openssl pkcs12 -in '{name}' -nokeys -out ca.pem")
        }
        // SEQUENCE { OBJECT IDENTIFIER: PKCS#7.
        [0x30, 0x82, _, _, 6, ..] | [0x30, 0x80, 6, ..] => {
            format!("is PKCS#7. Convert it: openssl pkcs7 -inform DER -in '{name}' -print_certs -out ca.pem")
        }
        [0x30, 0x82, _, _, 2, 1, 0, ..] => {
            "holds a private key and no certificate. Name the file with the CA's certificate.".to_owned()
        }
        [0x30, 0x80..=0x84, ..] => {
            format!(
                "holds no certificate that can be read. If it is one in DER form: openssl x509 -inform DER -in '{name}' -out ca.pem"
            )
        }
        _ => "holds no certificate in PEM form (-----BEGIN CERTIFICATE-----). Name the file with the CA's certificate."
            .to_owned(),
    }
}
