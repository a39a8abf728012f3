//! Relations as the readers of OSM files meet them: areas and turn restrictions.

use crate::tags::Tags;

/// What a member is to its relation, as far as a rule reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Inner,
    From,
    Via,
    To,
    Other,
}

impl Role {
    pub(crate) fn of(text: &str) -> Self {
        match text {
            "inner" => Self::Inner,
            "from" => Self::From,
            "via" => Self::Via,
            "to" => Self::To,
            _ => Self::Other,
        }
    }
}

/// A node or a way; members of other kinds are dropped while reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    Node(i64),
    Way(i64),
}

/// A relation with its members in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawRelation {
    pub(crate) id: i64,
    pub(crate) tags: Tags,
    pub(crate) members: Vec<(Role, Element)>,
}

impl RawRelation {
    pub(crate) fn new(id: i64) -> Self {
        Self { id, tags: Tags::default(), members: Vec::new() }
    }

    /// Its members of one role, in order.
    pub(crate) fn with_role(&self, role: Role) -> impl Iterator<Item = Element> {
        self.members.iter().filter(move |(its, _)| *its == role).map(|(_, element)| *element)
    }
}
