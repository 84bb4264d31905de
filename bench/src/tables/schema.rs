//! Columns and rows of each table, in the order of the TPC-H standard.

use tpchgen::decimal::TPCHDecimal;
use tpchgen::generators::{
    Customer, CustomerGenerator, LineItem, LineItemGenerator, Nation, NationGenerator, Order, OrderGenerator,
    Part, PartGenerator, PartSupp, PartSuppGenerator, Region, RegionGenerator, Supplier, SupplierGenerator,
};

use super::column::{Column, date, decimal, int, long, text};

pub(super) fn region() -> Vec<Column<Region<'static>>> {
    vec![
        long("r_regionkey", |r: &Region| r.r_regionkey),
        text("r_name", |r: &Region<'static>| r.r_name),
        text("r_comment", |r: &Region<'static>| r.r_comment),
    ]
}

pub(super) fn nation() -> Vec<Column<Nation<'static>>> {
    vec![
        long("n_nationkey", |r: &Nation| r.n_nationkey),
        text("n_name", |r: &Nation<'static>| r.n_name),
        long("n_regionkey", |r: &Nation| r.n_regionkey),
        text("n_comment", |r: &Nation<'static>| r.n_comment),
    ]
}

pub(super) fn supplier() -> Vec<Column<Supplier>> {
    vec![
        long("s_suppkey", |r: &Supplier| r.s_suppkey),
        text("s_name", |r: &Supplier| r.s_name),
        text("s_address", |r: &Supplier| r.s_address.to_string()),
        long("s_nationkey", |r: &Supplier| r.s_nationkey),
        text("s_phone", |r: &Supplier| r.s_phone.to_string()),
        decimal("s_acctbal", |r: &Supplier| r.s_acctbal),
        text("s_comment", |r: &Supplier| r.s_comment.clone()),
    ]
}

pub(super) fn customer() -> Vec<Column<Customer<'static>>> {
    vec![
        long("c_custkey", |r: &Customer| r.c_custkey),
        text("c_name", |r: &Customer<'static>| r.c_name),
        text("c_address", |r: &Customer<'static>| r.c_address.to_string()),
        long("c_nationkey", |r: &Customer| r.c_nationkey),
        text("c_phone", |r: &Customer<'static>| r.c_phone.to_string()),
        decimal("c_acctbal", |r: &Customer| r.c_acctbal),
        text("c_mktsegment", |r: &Customer<'static>| r.c_mktsegment),
        text("c_comment", |r: &Customer<'static>| r.c_comment),
    ]
}

pub(super) fn part() -> Vec<Column<Part<'static>>> {
    vec![
        long("p_partkey", |r: &Part| r.p_partkey),
        text("p_name", |r: &Part<'static>| r.p_name.to_string()),
        text("p_mfgr", |r: &Part<'static>| r.p_mfgr),
        text("p_brand", |r: &Part<'static>| r.p_brand),
        text("p_type", |r: &Part<'static>| r.p_type),
        int("p_size", |r: &Part| r.p_size),
        text("p_container", |r: &Part<'static>| r.p_container),
        decimal("p_retailprice", |r: &Part| r.p_retailprice),
        text("p_comment", |r: &Part<'static>| r.p_comment),
    ]
}

pub(super) fn partsupp() -> Vec<Column<PartSupp<'static>>> {
    vec![
        long("ps_partkey", |r: &PartSupp| r.ps_partkey),
        long("ps_suppkey", |r: &PartSupp| r.ps_suppkey),
        int("ps_availqty", |r: &PartSupp| r.ps_availqty),
        decimal("ps_supplycost", |r: &PartSupp| r.ps_supplycost),
        text("ps_comment", |r: &PartSupp<'static>| r.ps_comment),
    ]
}

pub(super) fn orders() -> Vec<Column<Order<'static>>> {
    vec![
        long("o_orderkey", |r: &Order| r.o_orderkey),
        long("o_custkey", |r: &Order| r.o_custkey),
        text("o_orderstatus", |r: &Order<'static>| r.o_orderstatus),
        decimal("o_totalprice", |r: &Order| r.o_totalprice),
        date("o_orderdate", |r: &Order| r.o_orderdate),
        text("o_orderpriority", |r: &Order<'static>| r.o_orderpriority),
        text("o_clerk", |r: &Order<'static>| r.o_clerk),
        int("o_shippriority", |r: &Order| r.o_shippriority),
        text("o_comment", |r: &Order<'static>| r.o_comment),
    ]
}

pub(super) fn lineitem() -> Vec<Column<LineItem<'static>>> {
    vec![
        long("l_orderkey", |r: &LineItem| r.l_orderkey),
        long("l_partkey", |r: &LineItem| r.l_partkey),
        long("l_suppkey", |r: &LineItem| r.l_suppkey),
        int("l_linenumber", |r: &LineItem| r.l_linenumber),
        // The generator counts whole pieces; the standard's column is a decimal.
        decimal("l_quantity", |r: &LineItem| TPCHDecimal::new(r.l_quantity * 100)),
        decimal("l_extendedprice", |r: &LineItem| r.l_extendedprice),
        decimal("l_discount", |r: &LineItem| r.l_discount),
        decimal("l_tax", |r: &LineItem| r.l_tax),
        text("l_returnflag", |r: &LineItem<'static>| r.l_returnflag),
        text("l_linestatus", |r: &LineItem<'static>| r.l_linestatus),
        date("l_shipdate", |r: &LineItem| r.l_shipdate),
        date("l_commitdate", |r: &LineItem| r.l_commitdate),
        date("l_receiptdate", |r: &LineItem| r.l_receiptdate),
        text("l_shipinstruct", |r: &LineItem<'static>| r.l_shipinstruct),
        text("l_shipmode", |r: &LineItem<'static>| r.l_shipmode),
        text("l_comment", |r: &LineItem<'static>| r.l_comment),
    ]
}

pub(super) fn regions(sf: f64, part: i32, parts: i32) -> impl Iterator<Item = Region<'static>> {
    RegionGenerator::new(sf, part, parts).iter()
}

pub(super) fn nations(sf: f64, part: i32, parts: i32) -> impl Iterator<Item = Nation<'static>> {
    NationGenerator::new(sf, part, parts).iter()
}

pub(super) fn suppliers(sf: f64, part: i32, parts: i32) -> impl Iterator<Item = Supplier> {
    SupplierGenerator::new(sf, part, parts).iter()
}

pub(super) fn customers(sf: f64, part: i32, parts: i32) -> impl Iterator<Item = Customer<'static>> {
    CustomerGenerator::new(sf, part, parts).iter()
}

pub(super) fn parts(sf: f64, part: i32, parts: i32) -> impl Iterator<Item = Part<'static>> {
    PartGenerator::new(sf, part, parts).iter()
}

pub(super) fn partsupps(sf: f64, part: i32, parts: i32) -> impl Iterator<Item = PartSupp<'static>> {
    PartSuppGenerator::new(sf, part, parts).iter()
}

pub(super) fn order_rows(sf: f64, part: i32, parts: i32) -> impl Iterator<Item = Order<'static>> {
    OrderGenerator::new(sf, part, parts).iter()
}

pub(super) fn lineitems(sf: f64, part: i32, parts: i32) -> impl Iterator<Item = LineItem<'static>> {
    LineItemGenerator::new(sf, part, parts).iter()
}
