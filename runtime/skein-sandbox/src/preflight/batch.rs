//! A record batch message against the planned schema: nodes and buffers, one by one.

use arrow_ipc::{FieldNode, RecordBatch};
use arrow_schema::{DataType, Field, Schema};

use super::{Unsound, forged};

/// What one field needs in a record batch message.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A field node; its length must stand in the given relation to the node above.
    Node { length: Length, nullable: bool, top: usize },
    /// The validity bitmap of the last node.
    Validity,
    /// One bit per row.
    Bits,
    /// So many bytes per row.
    Fixed(usize),
    /// Offsets of so many bytes, one more than rows.
    Offsets(usize),
    /// Bytes that offsets point into.
    Bytes,
    /// Children follow.
    Open,
    /// The children are over.
    Close,
}

#[derive(Debug, Clone, Copy)]
enum Length {
    /// As the rows of the batch.
    Batch,
    /// As the node above.
    Same,
    /// So many times the node above.
    Times(i64),
    /// What offsets say; bounded by the body.
    Free,
    /// A node of nulls below a list: no bytes bound it.
    NoBytes,
}

/// The nodes and buffers of a schema, flattened once.
#[derive(Debug)]
pub(super) struct Layout {
    steps: Vec<Step>,
    names: Vec<String>,
    nodes: usize,
    buffers: usize,
}

impl Layout {
    pub(super) fn of(schema: &Schema) -> Self {
        let mut layout = Self { steps: Vec::new(), names: Vec::new(), nodes: 0, buffers: 0 };
        for (top, field) in schema.fields().iter().enumerate() {
            layout.names.push(field.name().clone());
            layout.push(field, Length::Batch, top);
        }
        layout
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all other types of the guest's view have a fixed width"
    )]
    fn push(&mut self, field: &Field, length: Length, top: usize) {
        self.nodes += 1;
        // Below the top, a null may be hidden by one above; arrow's own validation decides there.
        let nullable = field.is_nullable() || !matches!(length, Length::Batch);
        let no_bytes = matches!((field.data_type(), length), (DataType::Null, Length::Free));
        let length = if no_bytes { Length::NoBytes } else { length };
        self.steps.push(Step::Node { length, nullable, top });
        match field.data_type() {
            DataType::Null => {}
            DataType::Boolean => self.buffers_of(&[Step::Bits]),
            DataType::Utf8 | DataType::Binary => self.buffers_of(&[Step::Offsets(4), Step::Bytes]),
            DataType::LargeUtf8 | DataType::LargeBinary => self.buffers_of(&[Step::Offsets(8), Step::Bytes]),
            DataType::FixedSizeBinary(width) => {
                self.buffers_of(&[Step::Fixed(usize::try_from(*width).unwrap_or_default())]);
            }
            DataType::List(child) | DataType::Map(child, _) => {
                self.buffers_of(&[Step::Offsets(4)]);
                self.below(&[child], Length::Free, top);
            }
            DataType::LargeList(child) => {
                self.buffers_of(&[Step::Offsets(8)]);
                self.below(&[child], Length::Free, top);
            }
            DataType::FixedSizeList(child, n) => {
                self.buffers_of(&[]);
                self.below(&[child], Length::Times(i64::from(*n)), top);
            }
            DataType::Struct(children) => {
                self.buffers_of(&[]);
                let children: Vec<&Field> = children.iter().map(AsRef::as_ref).collect();
                self.below(&children, Length::Same, top);
            }
            other => self.buffers_of(&[Step::Fixed(other.primitive_width().unwrap_or_default())]),
        }
    }

    fn buffers_of(&mut self, own: &[Step]) {
        self.steps.push(Step::Validity);
        self.steps.extend_from_slice(own);
        self.buffers += 1 + own.len();
    }

    fn below(&mut self, children: &[&Field], length: Length, top: usize) {
        self.steps.push(Step::Open);
        children.iter().for_each(|child| self.push(child, length, top));
        self.steps.push(Step::Close);
    }

    /// Checks a record batch message whose body has `body` bytes.
    pub(super) fn check(&self, batch: &RecordBatch<'_>, body: &[u8], rows_max: u64) -> Result<(), Unsound> {
        if batch.compression().is_some() {
            return Err(Unsound::Compressed);
        }
        if batch.variadicBufferCounts().is_some_and(|counts| !counts.is_empty()) {
            return Err(forged("counts of view buffers"));
        }
        let rows = u64::try_from(batch.length()).map_err(|_| forged("a negative number of rows"))?;
        if rows > rows_max {
            return Err(Unsound::TooManyRows { rows, limit: rows_max });
        }
        let nodes = batch.nodes().ok_or_else(|| forged("a batch without nodes"))?;
        let buffers = batch.buffers().ok_or_else(|| forged("a batch without buffers"))?;
        if nodes.len() != self.nodes || buffers.len() != self.buffers {
            let (n, b) = (nodes.len(), buffers.len());
            return Err(forged(format!(
                "{n} nodes and {b} buffers for a schema of {} and {}",
                self.nodes, self.buffers
            )));
        }
        let mut walk = Walk {
            layout: self,
            rows: batch.length(),
            rows_max,
            body,
            filled: 0,
            above: Vec::new(),
            node: Node { length: 0, nulls: 0 },
        };
        let (mut nodes, mut buffers) = (nodes.iter(), buffers.iter());
        for step in &self.steps {
            match step {
                Step::Node { length, nullable, top } => {
                    let node = nodes.next().ok_or_else(|| forged("too few nodes"))?;
                    walk.enter(node, *length)?;
                    if walk.node.nulls > 0 && !nullable {
                        return Err(Unsound::Nulls(self.names[*top].clone()));
                    }
                }
                Step::Open => walk.above.push(walk.node.length),
                Step::Close => {
                    walk.above.pop();
                }
                Step::Validity | Step::Bits | Step::Fixed(_) | Step::Offsets(_) | Step::Bytes => {
                    let buffer = buffers.next().ok_or_else(|| forged("too few buffers"))?;
                    walk.buffer(buffer, *step)?;
                }
            }
        }
        Ok(())
    }
}

struct Node {
    length: i64,
    nulls: i64,
}

struct Walk<'a> {
    layout: &'a Layout,
    rows: i64,
    rows_max: u64,
    body: &'a [u8],
    /// Where the last buffer with any bytes ended.
    filled: usize,
    above: Vec<i64>,
    node: Node,
}

impl Walk<'_> {
    fn enter(&mut self, node: &FieldNode, length: Length) -> Result<(), Unsound> {
        let (found, nulls) = (node.length(), node.null_count());
        let above = self.above.last().copied().unwrap_or(self.rows);
        let bits = i64::try_from(self.body.len()).unwrap_or(i64::MAX).saturating_mul(8);
        let fits = match length {
            Length::Batch | Length::Same => found == above,
            Length::Times(n) => above.checked_mul(n) == Some(found),
            // Every type but null takes at least a bit per row of the body.
            Length::Free => (0..=bits).contains(&found),
            Length::NoBytes => (0..=bits).contains(&found),
        };
        if !fits || !(0..=found).contains(&nulls) {
            return Err(forged(format!("a node of {found} rows with {nulls} nulls below one of {above}")));
        }
        let rows = u64::try_from(found).unwrap_or(u64::MAX);
        if rows > self.rows_max {
            return Err(Unsound::TooManyRows { rows, limit: self.rows_max });
        }
        self.node = Node { length: found, nulls };
        debug_assert!(self.layout.nodes > 0);
        Ok(())
    }

    fn buffer(&mut self, buffer: &arrow_ipc::Buffer, step: Step) -> Result<(), Unsound> {
        let past = || forged("a buffer outside the body");
        let offset = usize::try_from(buffer.offset()).map_err(|_| past())?;
        let length = usize::try_from(buffer.length()).map_err(|_| past())?;
        let end = offset.checked_add(length).ok_or_else(past)?;
        if end > self.body.len() {
            return Err(past());
        }
        if !offset.is_multiple_of(8) {
            return Err(forged("a buffer that is not on an 8 byte border"));
        }
        // The decoder looks at offsets as numbers, all of the buffer, and panics on a rest.
        if let Step::Offsets(width) = step
            && !length.is_multiple_of(width)
        {
            return Err(forged(format!("a buffer of {length} bytes for offsets of {width}")));
        }
        let rows = usize::try_from(self.node.length).map_err(|_| past())?;
        let needed = match step {
            Step::Validity if self.node.nulls == 0 => Some(0),
            Step::Validity | Step::Bits => Some(rows.div_ceil(8)),
            Step::Fixed(width) => rows.checked_mul(width),
            Step::Offsets(_) if rows == 0 => Some(0),
            Step::Offsets(width) => rows.checked_add(1).and_then(|n| n.checked_mul(width)),
            Step::Node { .. } | Step::Bytes | Step::Open | Step::Close => Some(0),
        };
        if needed.is_none_or(|needed| length < needed) {
            return Err(forged(format!("a buffer of {length} bytes for {rows} rows")));
        }
        // The format lays buffers end to end. Were they free to overlap, bytes that count once against the limits would
        // be decoded and encoded once per column.
        if length > 0 {
            if offset < self.filled {
                return Err(forged("a buffer that begins before the end of the last one"));
            }
            self.filled = end;
        }
        Ok(())
    }
}
