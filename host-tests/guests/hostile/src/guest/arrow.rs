//! Arrow IPC streams by hand, right and wrong: two columns, `n` (int64) and `s` (utf8).
//!
//! The schema message is the one that came in; record batch messages are laid out here byte by byte.

/// A record batch message before it becomes bytes. Every field may lie.
pub(super) struct Message {
    pub(super) rows: i64,
    /// Length and null count.
    pub(super) nodes: Vec<(i64, i64)>,
    /// Offset and length.
    pub(super) buffers: Vec<(i64, i64)>,
    pub(super) compressed: bool,
    /// 1 schema, 2 dictionary, 3 record batch.
    pub(super) kind: u8,
    pub(super) version: i16,
    pub(super) body: Vec<u8>,
    /// What the message says of its body.
    pub(super) body_length: i64,
}

impl Message {
    /// A sound batch: `n` counts from 0, `s` is always one letter.
    pub(super) fn sound(rows: u32) -> Self {
        let numbers: Vec<i64> = (0..i64::from(rows)).collect();
        Self::with(&numbers, &vec![b'x'; rows as usize], |row| row)
    }

    /// `n` as given, `s` with the given data and offsets.
    pub(super) fn with(numbers: &[i64], letters: &[u8], offset: impl Fn(i32) -> i32) -> Self {
        let rows = i64::try_from(numbers.len()).expect("batches are small");
        let mut body = Vec::new();
        let mut buffers = vec![(0, 0)];
        let push = |body: &mut Vec<u8>, bytes: &[u8]| {
            let at = (long(body.len()), long(bytes.len()));
            body.extend_from_slice(bytes);
            body.resize(body.len().next_multiple_of(8), 0);
            at
        };
        buffers.push(push(&mut body, &numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<_>>()));
        buffers.push((0, 0));
        let last = i32::try_from(rows).expect("batches are small");
        buffers
            .push(push(&mut body, &(0..=last).flat_map(|row| offset(row).to_le_bytes()).collect::<Vec<_>>()));
        buffers.push(push(&mut body, letters));
        let body_length = long(body.len());
        let nodes = vec![(rows, 0), (rows, 0)];
        Self { rows, nodes, buffers, compressed: false, kind: 3, version: 4, body, body_length }
    }

    /// These rows, as they are.
    pub(super) fn of(rows: &Rows) -> Self {
        let count = rows.texts.len();
        let mut bits = vec![0_u8; count.div_ceil(8)];
        let (mut letters, mut offsets) = (Vec::new(), vec![0_i32]);
        for (row, text) in rows.texts.iter().enumerate() {
            if let Some(text) = text {
                bits[row / 8] |= 1 << (row % 8);
                letters.extend_from_slice(text);
            }
            offsets.push(i32::try_from(letters.len()).expect("batches are small"));
        }
        let numbers: Vec<u8> = rows.numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        let offsets: Vec<u8> = offsets.iter().flat_map(|offset| offset.to_le_bytes()).collect();
        let (mut body, mut buffers) = (Vec::new(), vec![(0, 0)]);
        for bytes in [&numbers, &bits, &offsets, &letters] {
            buffers.push((long(body.len()), long(bytes.len())));
            body.extend_from_slice(bytes);
            body.resize(body.len().next_multiple_of(8), 0);
        }
        let nulls = long(rows.texts.iter().filter(|text| text.is_none()).count());
        let nodes = vec![(long(count), 0), (long(count), nulls)];
        let body_length = long(body.len());
        Self { rows: long(count), nodes, buffers, body, body_length, ..Self::sound(0) }
    }

    /// Two columns of nothing but nulls, which have no buffers.
    pub(super) fn nulls(rows: u32) -> Self {
        let nodes = vec![(i64::from(rows), i64::from(rows)); 2];
        Self {
            rows: i64::from(rows),
            nodes,
            buffers: Vec::new(),
            body: Vec::new(),
            body_length: 0,
            ..Self::sound(0)
        }
    }

    /// The bytes of `s` stand 16 bytes further on than they need to.
    pub(super) fn move_letters_back(&mut self) {
        let (offset, length) = self.buffers[4];
        let letters = self.body[index(offset)..][..index(length)].to_vec();
        self.body.truncate(index(offset));
        self.body.extend_from_slice(&[0; 16]);
        self.buffers[4].0 = long(self.body.len());
        self.append(&letters);
    }

    /// The values of `n` stand behind those of `s`, nothing overlaps.
    pub(super) fn move_numbers_back(&mut self) {
        let (offset, length) = self.buffers[1];
        let numbers = self.body[index(offset)..][..index(length)].to_vec();
        self.buffers[1].0 = long(self.body.len());
        self.append(&numbers);
    }

    fn append(&mut self, bytes: &[u8]) {
        self.body.extend_from_slice(bytes);
        self.body.resize(self.body.len().next_multiple_of(8), 0);
        self.body_length = long(self.body.len());
    }

    /// With marker, length and body.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let metadata = self.metadata();
        let length = i32::try_from(metadata.len()).expect("metadata is small");
        [&[0xff; 4][..], &length.to_le_bytes(), &metadata, &self.body].concat()
    }

    /// The flatbuffer: message table at 20, record batch table at 60, its vectors behind.
    fn metadata(&self) -> Vec<u8> {
        let mut m = Vec::new();
        let buffers_at = 88 + 16 * self.nodes.len() + 4;
        let end = buffers_at + 4 + 16 * self.buffers.len();
        u32s(&mut m, &[20]);
        u16s(&mut m, &[14, 20, 4, 6, 8, 12, 0, 0]);
        u32s(&mut m, &[16]);
        m.extend_from_slice(&self.version.to_le_bytes());
        m.extend_from_slice(&[self.kind, 0]);
        u32s(&mut m, &[60 - 28]);
        m.extend_from_slice(&self.body_length.to_le_bytes());
        u16s(&mut m, &[14, 24, 4, 12, 16, if self.compressed { 20 } else { 0 }, 0, 0, 0, 0]);
        u32s(&mut m, &[20]);
        m.extend_from_slice(&self.rows.to_le_bytes());
        let compression = if self.compressed { end + 8 - 80 } else { 0 };
        u32s(&mut m, &[84 - 72, buffers_at - 76, compression, self.nodes.len()]);
        pairs(&mut m, &self.nodes);
        u32s(&mut m, &[0, self.buffers.len()]);
        pairs(&mut m, &self.buffers);
        // The compression table, both of its fields at their defaults.
        u16s(&mut m, &[8, 4, 0, 0]);
        u32s(&mut m, &[8, 0]);
        m
    }
}

/// What a batch holds.
pub(super) struct Rows {
    pub(super) numbers: Vec<i64>,
    pub(super) texts: Vec<Option<Vec<u8>>>,
}

impl Rows {
    /// Of a stream as hosts write them: a schema and one batch.
    pub(super) fn read(input: &[u8]) -> Self {
        let message = &input[schema(input).len()..];
        let metadata = &message[8..8 + number(message, 4)];
        let body = &message[8 + metadata.len()..];
        let table = number(metadata, 0);
        let batch = {
            let header = field(metadata, table, 2);
            header + number(metadata, header)
        };
        let vector = |id| {
            let at = field(metadata, batch, id);
            at + number(metadata, at)
        };
        let rows = usize::try_from(wide(metadata, field(metadata, batch, 0))).expect("batches are small");
        let buffers = vector(2);
        let buffer = |place: usize| {
            let at = buffers + 4 + 16 * place;
            let (offset, length) = (wide(metadata, at), wide(metadata, at + 8));
            &body[index(offset)..index(offset) + index(length)]
        };
        let (validity, offsets, letters) = (buffer(2), buffer(3), buffer(4));
        let text = |row: usize| {
            let there = validity.is_empty() || validity[row / 8] & (1 << (row % 8)) != 0;
            there.then(|| letters[number(offsets, 4 * row)..number(offsets, 4 * row + 4)].to_vec())
        };
        let numbers = (0..rows).map(|row| wide(buffer(1), 8 * row)).collect();
        Self { numbers, texts: (0..rows).map(text).collect() }
    }

    pub(super) fn remove(&mut self, row: usize) {
        self.numbers.remove(row);
        self.texts.remove(row);
    }

    pub(super) fn push_again(&mut self, row: usize) {
        self.numbers.push(self.numbers[row]);
        self.texts.push(self.texts[row].clone());
    }

    pub(super) fn reverse(&mut self) {
        self.numbers.reverse();
        self.texts.reverse();
    }
}

/// Where a table's field is.
fn field(metadata: &[u8], table: usize, id: usize) -> usize {
    let back = i32::from_le_bytes(metadata[table..table + 4].try_into().expect("four bytes"));
    let vtable = usize::try_from(i64::try_from(table).expect("small") - i64::from(back)).expect("inside");
    let at = vtable + 4 + 2 * id;
    table + usize::from(u16::from_le_bytes(metadata[at..at + 2].try_into().expect("two bytes")))
}

fn number(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize
}

fn wide(bytes: &[u8], at: usize) -> i64 {
    i64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// A stream that begins as the input did.
pub(super) fn stream(input: &[u8], messages: &[Vec<u8>]) -> Vec<u8> {
    let mut all = schema(input).to_vec();
    messages.iter().for_each(|message| all.extend_from_slice(message));
    all.extend_from_slice(&END);
    all
}

/// The end marker.
pub(super) const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// The input's first message.
pub(super) fn schema(input: &[u8]) -> &[u8] {
    let length = u32::from_le_bytes(input[4..8].try_into().expect("four bytes"));
    &input[..8 + length as usize]
}

fn index(n: i64) -> usize {
    usize::try_from(n).expect("made here, from a length")
}

fn long(n: usize) -> i64 {
    i64::try_from(n).expect("32 bit sizes fit")
}

fn u16s(to: &mut Vec<u8>, values: &[u16]) {
    values.iter().for_each(|v| to.extend_from_slice(&v.to_le_bytes()));
}

fn u32s(to: &mut Vec<u8>, values: &[usize]) {
    values.iter().for_each(|v| to.extend_from_slice(&u32::try_from(*v).expect("small").to_le_bytes()));
}

fn pairs(to: &mut Vec<u8>, values: &[(i64, i64)]) {
    for (first, second) in values {
        to.extend_from_slice(&first.to_le_bytes());
        to.extend_from_slice(&second.to_le_bytes());
    }
}
