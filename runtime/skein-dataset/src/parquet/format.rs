//! The metadata structs of Parquet that the crate decodes: which field has which type on the wire.
//!
//! Fields that the crate steps over are here too where the format has them. Source: `parquet.thrift` of parquet-format.

use super::shape::{Kind, Of, Shape};

const fn of(of: Of, fields: &'static [(i16, Kind)]) -> Shape {
    Shape::new(of, fields)
}

const fn other(fields: &'static [(i16, Kind)]) -> Shape {
    of(Of::Other, fields)
}

pub(super) static FILE: Shape = of(
    Of::File,
    &[
        (1, Kind::I32),
        (2, Kind::List(&Kind::Struct(&SCHEMA_ELEMENT))),
        (3, Kind::I64),
        (4, Kind::List(&Kind::Struct(&ROW_GROUP))),
        (5, Kind::List(&Kind::Struct(&KEY_VALUE))),
        (6, Kind::Binary),
        (7, Kind::List(&Kind::Struct(&COLUMN_ORDER))),
        (8, Kind::Struct(&EMPTY)),
        (9, Kind::Binary),
    ],
);

static SCHEMA_ELEMENT: Shape = of(
    Of::SchemaElement,
    &[
        (1, Kind::I32),
        (2, Kind::I32),
        (3, Kind::I32),
        (4, Kind::Binary),
        (5, Kind::I32),
        (6, Kind::I32),
        (7, Kind::I32),
        (8, Kind::I32),
        (9, Kind::I32),
        (10, Kind::Struct(&LOGICAL_TYPE)),
    ],
);

static LOGICAL_TYPE: Shape = other(&[
    (1, Kind::Struct(&EMPTY)),
    (2, Kind::Struct(&EMPTY)),
    (3, Kind::Struct(&EMPTY)),
    (4, Kind::Struct(&EMPTY)),
    (5, Kind::Struct(&DECIMAL)),
    (6, Kind::Struct(&EMPTY)),
    (7, Kind::Struct(&TIME)),
    (8, Kind::Struct(&TIME)),
    (10, Kind::Struct(&INTEGER)),
    (11, Kind::Struct(&EMPTY)),
    (12, Kind::Struct(&EMPTY)),
    (13, Kind::Struct(&EMPTY)),
    (14, Kind::Struct(&EMPTY)),
    (15, Kind::Struct(&EMPTY)),
    (16, Kind::Struct(&VARIANT)),
    (17, Kind::Struct(&GEOMETRY)),
    (18, Kind::Struct(&GEOGRAPHY)),
]);

static EMPTY: Shape = other(&[]);
static DECIMAL: Shape = other(&[(1, Kind::I32), (2, Kind::I32)]);
static TIME: Shape = other(&[(1, Kind::Bool), (2, Kind::Struct(&TIME_UNIT))]);
static TIME_UNIT: Shape =
    other(&[(1, Kind::Struct(&EMPTY)), (2, Kind::Struct(&EMPTY)), (3, Kind::Struct(&EMPTY))]);
static INTEGER: Shape = other(&[(1, Kind::Byte), (2, Kind::Bool)]);
static VARIANT: Shape = other(&[(1, Kind::Byte)]);
static GEOMETRY: Shape = other(&[(1, Kind::Binary)]);
static GEOGRAPHY: Shape = other(&[(1, Kind::Binary), (2, Kind::I32)]);
static KEY_VALUE: Shape = of(Of::KeyValue, &[(1, Kind::Binary), (2, Kind::Binary)]);
static COLUMN_ORDER: Shape = other(&[(1, Kind::Struct(&EMPTY))]);
static SORTING_COLUMN: Shape = other(&[(1, Kind::I32), (2, Kind::Bool), (3, Kind::Bool)]);

static ROW_GROUP: Shape = of(
    Of::RowGroup,
    &[
        (1, Kind::List(&Kind::Struct(&COLUMN_CHUNK))),
        (2, Kind::I64),
        (3, Kind::I64),
        (4, Kind::List(&Kind::Struct(&SORTING_COLUMN))),
        (5, Kind::I64),
        (6, Kind::I64),
        (7, Kind::I16),
    ],
);

static COLUMN_CHUNK: Shape = of(
    Of::ColumnChunk,
    &[
        (1, Kind::Binary),
        (2, Kind::I64),
        (3, Kind::Struct(&COLUMN_META)),
        (4, Kind::I64),
        (5, Kind::I32),
        (6, Kind::I64),
        (7, Kind::I32),
        (8, Kind::Struct(&EMPTY)),
        (9, Kind::Binary),
    ],
);

static COLUMN_META: Shape = other(&[
    (1, Kind::I32),
    (2, Kind::List(&Kind::I32)),
    (3, Kind::List(&Kind::Binary)),
    (4, Kind::I32),
    (5, Kind::I64),
    (6, Kind::I64),
    (7, Kind::I64),
    (8, Kind::List(&Kind::Struct(&KEY_VALUE))),
    (9, Kind::I64),
    (10, Kind::I64),
    (11, Kind::I64),
    (12, Kind::Struct(&STATISTICS)),
    (13, Kind::List(&Kind::Struct(&ENCODING_STATS))),
    (14, Kind::I64),
    (15, Kind::I32),
    (16, Kind::Struct(&SIZE_STATISTICS)),
    (17, Kind::Struct(&GEO_STATISTICS)),
]);

static STATISTICS: Shape = other(&[
    (1, Kind::Binary),
    (2, Kind::Binary),
    (3, Kind::I64),
    (4, Kind::I64),
    (5, Kind::Binary),
    (6, Kind::Binary),
    (7, Kind::Bool),
    (8, Kind::Bool),
]);

static ENCODING_STATS: Shape = other(&[(1, Kind::I32), (2, Kind::I32), (3, Kind::I32)]);
static SIZE_STATISTICS: Shape =
    other(&[(1, Kind::I64), (2, Kind::List(&Kind::I64)), (3, Kind::List(&Kind::I64))]);
static GEO_STATISTICS: Shape = other(&[(1, Kind::Struct(&BOUNDING_BOX)), (2, Kind::List(&Kind::I32))]);
static BOUNDING_BOX: Shape = other(&[
    (1, Kind::Double),
    (2, Kind::Double),
    (3, Kind::Double),
    (4, Kind::Double),
    (5, Kind::Double),
    (6, Kind::Double),
    (7, Kind::Double),
    (8, Kind::Double),
]);

pub(super) static PAGE_HEADER: Shape = of(
    Of::PageHeader,
    &[
        (1, Kind::I32),
        (2, Kind::I32),
        (3, Kind::I32),
        (4, Kind::I32),
        (5, Kind::Struct(&DATA_PAGE)),
        (6, Kind::Struct(&EMPTY)),
        (7, Kind::Struct(&DICTIONARY_PAGE)),
        (8, Kind::Struct(&DATA_PAGE_V2)),
    ],
);

static DATA_PAGE: Shape = of(
    Of::DataPage,
    &[(1, Kind::I32), (2, Kind::I32), (3, Kind::I32), (4, Kind::I32), (5, Kind::Struct(&STATISTICS))],
);
static DICTIONARY_PAGE: Shape = of(Of::DictionaryPage, &[(1, Kind::I32), (2, Kind::I32), (3, Kind::Bool)]);
static DATA_PAGE_V2: Shape = of(
    Of::DataPageV2,
    &[
        (1, Kind::I32),
        (2, Kind::I32),
        (3, Kind::I32),
        (4, Kind::I32),
        (5, Kind::I32),
        (6, Kind::I32),
        (7, Kind::Bool),
        (8, Kind::Struct(&STATISTICS)),
    ],
);

pub(super) static COLUMN_INDEX: Shape = other(&[
    (1, Kind::List(&Kind::Bool)),
    (2, Kind::List(&Kind::Binary)),
    (3, Kind::List(&Kind::Binary)),
    (4, Kind::I32),
    (5, Kind::List(&Kind::I64)),
    (6, Kind::List(&Kind::I64)),
    (7, Kind::List(&Kind::I64)),
]);

pub(super) static OFFSET_INDEX: Shape =
    other(&[(1, Kind::List(&Kind::Struct(&PAGE_LOCATION))), (2, Kind::List(&Kind::I64))]);
static PAGE_LOCATION: Shape = other(&[(1, Kind::I64), (2, Kind::I32), (3, Kind::I64)]);

pub(super) static BLOOM_FILTER: Shape = of(
    Of::BloomFilter,
    &[
        (1, Kind::I32),
        (2, Kind::Struct(&BLOOM_CHOICE)),
        (3, Kind::Struct(&BLOOM_CHOICE)),
        (4, Kind::Struct(&BLOOM_CHOICE)),
    ],
);
/// Algorithm, hash and compression have one choice each.
static BLOOM_CHOICE: Shape = other(&[(1, Kind::Struct(&EMPTY))]);
