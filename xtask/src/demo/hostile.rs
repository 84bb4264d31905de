//! A component that asks for a socket, and nothing else.

/// Preamble of a component; a type section with one empty instance type; an import section that asks for an instance of
/// that type under the name of WASI's TCP interface.
const INTERFACE: &[u8] = b"wasi:sockets/tcp@0.2.0";

pub(super) fn component() -> Vec<u8> {
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    bytes.extend([7, 3, 1, 0x42, 0]);
    let length = u8::try_from(INTERFACE.len()).expect("a short name");
    // One import: a plain name, its length, the name, then "instance of type 0".
    bytes.extend([10, length + 5, 1, 0, length]);
    bytes.extend(INTERFACE);
    bytes.extend([5, 0]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::component;

    #[test]
    fn the_import_section_is_as_long_as_it_says() {
        let bytes = component();
        assert_eq!(usize::from(bytes[14]), bytes.len() - 15);
        assert_eq!(&bytes[bytes.len() - 2..], [5, 0]);
    }
}
