//! `--policy FILE.toml`: the rules of a campaign as people write them.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use skein_control::written_policy;
use skein_types::codes;

use crate::failure::Failure;

const FILE_BYTES_MAX: u64 = 64 << 10;

/// The policy that a file asks for.
pub(crate) fn read(path: &Path) -> Result<skein_api::Policy, Failure> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text));
    let refused = |message: String| Failure::text(codes::POLICY_INVALID, message).about(path);
    match read {
        Err(error) => return Err(Failure::unread(path, codes::POLICY_INVALID, &error)),
        Ok(_) if text.len() as u64 > FILE_BYTES_MAX => {
            return Err(refused("it is larger than 64 KiB".to_owned()));
        }
        Ok(_) => {}
    }
    written_policy(&text)
        .map_err(|message| refused(message).hint(Some("a key that is left out keeps its default")))
}
