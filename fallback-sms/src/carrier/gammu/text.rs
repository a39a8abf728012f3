//! What is in a spool file.

/// Largest spool file read, in bytes: a part has at most 160 characters.
pub(super) const FILE_MAX_BYTES: u64 = 4_096;

/// Why a file cannot be read as a text, now or ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It may still be in writing.
    Incomplete,
    /// It is no text.
    Broken,
}

/// Reads a spool file: UTF-16 with a byte-order mark, or UTF-8; it ends at the first NUL.
pub(super) fn decode(bytes: &[u8]) -> Result<String, Unreadable> {
    match bytes {
        [] | [0xfe | 0xff] => Err(Unreadable::Incomplete),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        other => {
            let text = std::str::from_utf8(other).map_err(|_| Unreadable::Broken)?;
            Ok(text.split('\0').next().unwrap_or_default().to_owned())
        }
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Unreadable> {
    if bytes.is_empty() || bytes.len() % 2 == 1 {
        return Err(Unreadable::Incomplete);
    }
    let units: Vec<u16> =
        bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).take_while(|unit| *unit != 0).collect();
    String::from_utf16(&units).map_err(|_| Unreadable::Broken)
}

/// Writes a text as gammu-smsd reads it.
pub(super) fn encode(text: &str) -> Vec<u8> {
    let mut bytes = vec![0xfe, 0xff];
    bytes.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_file_is_not_a_text() {
        assert_eq!(decode(b""), Err(Unreadable::Incomplete));
        assert_eq!(decode(&[0xfe]), Err(Unreadable::Incomplete));
        assert_eq!(decode(&[0xfe, 0xff]), Err(Unreadable::Incomplete));
        assert_eq!(decode(&[0xfe, 0xff, 0xd0]), Err(Unreadable::Incomplete));
        assert_eq!(decode(&[0xfe, 0xff, 0xd8, 0x3d]), Err(Unreadable::Broken), "half a surrogate pair");
        assert_eq!(decode(&[0x80, 0x81, 0x82]), Err(Unreadable::Broken));
    }

    #[test]
    fn gammus_padding_is_no_text() {
        let mut bytes = encode("택시 🚕");
        bytes.extend_from_slice(&[0; 10]);
        assert_eq!(decode(&bytes).as_deref(), Ok("택시 🚕"));
        assert_eq!(decode(&[0xff, 0xfe, 0x41, 0]).as_deref(), Ok("A"));
        assert_eq!(decode("택시".as_bytes()).as_deref(), Ok("택시"));
    }
}
