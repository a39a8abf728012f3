//! OSM PBF, block by block.
//!
//! **Source**: wiki.openstreetmap.org, *PBF Format*; blocks are bounded to 32 MiB by the `osmpbf` reader.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use osmpbf::{BlobDecode, BlobReader, Element, PrimitiveBlock, RelMemberType};

use super::collect::{Raw, RawWay};
use super::relation::{self, RawRelation, Role};
use crate::error::MapError;
use crate::tags::Tags;

/// Features that a file may require of its reader.
const UNDERSTOOD: [&str; 3] = ["OsmSchema-V0.6", "DenseNodes", "HistoricalInformation"];
/// Most blocks of one file (a planet has about 50,000).
const BLOCKS_MAX: usize = 1 << 17;

/// Reads `file` into `raw`.
pub(crate) fn read(file: &Path, raw: &mut Raw) -> Result<(), MapError> {
    check_framing(file)?;
    let reader = BlobReader::from_path(file).map_err(|e| MapError::damaged(file, e))?;
    for blob in reader {
        let blob = blob.map_err(|e| MapError::damaged(file, e))?;
        match blob.decode().map_err(|e| MapError::damaged(file, e))? {
            BlobDecode::OsmHeader(header) => {
                if let Some(odd) =
                    header.required_features().iter().find(|f| !UNDERSTOOD.contains(&f.as_str()))
                {
                    return Err(MapError::damaged(
                        file,
                        format_args!("it requires {odd}, which is not understood"),
                    ));
                }
            }
            BlobDecode::OsmData(block) => {
                // The reader adds deltas and trusts enumerations; numbers made up by an attacker overflow there.
                catch_unwind(AssertUnwindSafe(|| read_block(file, &block, raw)))
                    .unwrap_or_else(|_| Err(MapError::damaged(file, "a block holds impossible numbers")))?;
            }
            BlobDecode::Unknown(_) => {}
        }
    }
    Ok(())
}

/// Walks over the blocks without unpacking them: a file cut anywhere but between two blocks is found out.
fn check_framing(file: &Path) -> Result<(), MapError> {
    let unreadable = |e| MapError::unreadable(file, e);
    let length = std::fs::metadata(file).map_err(unreadable)?.len();
    let mut bytes = BufReader::new(File::open(file).map_err(unreadable)?);
    let mut reader = BlobReader::seekable_from_path(file).map_err(|e| MapError::damaged(file, e))?;
    let mut end = 0;
    for _ in 0..BLOCKS_MAX {
        let Some(header) = reader.next_header_skip_blob() else {
            return if end == length {
                Ok(())
            } else {
                Err(MapError::damaged(
                    file,
                    format_args!("{} of {length} bytes belong to no block", length.abs_diff(end)),
                ))
            };
        };
        let (header, offset) = header.map_err(|e| MapError::damaged(file, e))?;
        let offset = offset.map_or(end, |offset| offset.0);
        let size = u64::try_from(header.get_blob_size())
            .map_err(|_| MapError::damaged(file, "a block of negative size"))?;
        let mut header_size = [0; 4];
        bytes
            .seek(SeekFrom::Start(offset))
            .and_then(|_| bytes.read_exact(&mut header_size))
            .map_err(unreadable)?;
        end = offset + 4 + u64::from(u32::from_be_bytes(header_size)) + size;
        if end > length {
            return Err(MapError::damaged(
                file,
                format_args!("the last block ends {} bytes after the file", end - length),
            ));
        }
    }
    Err(MapError::too_large(file, "blocks", BLOCKS_MAX as u64))
}

fn read_block(file: &Path, block: &PrimitiveBlock, raw: &mut Raw) -> Result<(), MapError> {
    for element in block.elements() {
        match element {
            Element::DenseNode(node) => {
                raw.node(file, node.id(), node.lat(), node.lon(), kept(node.tags()))?;
            }
            Element::Node(node) => raw.node(file, node.id(), node.lat(), node.lon(), kept(node.tags()))?,
            Element::Way(way) => {
                raw.way(file, RawWay { id: way.id(), refs: way.refs().collect(), tags: kept(way.tags()) })?;
            }
            Element::Relation(relation) => {
                let mut read = RawRelation { tags: kept(relation.tags()), ..RawRelation::new(relation.id()) };
                for member in relation.members() {
                    let element = match member.member_type {
                        RelMemberType::Node => relation::Element::Node(member.member_id),
                        RelMemberType::Way => relation::Element::Way(member.member_id),
                        RelMemberType::Relation => continue,
                    };
                    read.members.push((member.role().map_or(Role::Other, Role::of), element));
                }
                raw.relation(file, read)?;
            }
        }
    }
    Ok(())
}

fn kept<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Tags {
    let mut tags = Tags::default();
    for (key, value) in pairs {
        tags.keep(key, value);
    }
    tags
}
