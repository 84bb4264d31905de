-- What lineitem-v2 computes, for DuckDB: rows are equal, as `EXCEPT ALL` both ways shows.
SELECT
    l_orderkey                                                            AS order_key,
    l_linenumber                                                          AS line_number,
    l_partkey                                                             AS part_key,
    l_suppkey                                                             AS supplier_key,
    l_quantity                                                            AS quantity,
    l_linestatus                                                          AS line_status,
    l_shipdate                                                            AS ship_date,
    l_commitdate                                                          AS commit_date,
    l_shipmode                                                            AS ship_mode,
    l_comment                                                             AS comment,
    CAST(l_extendedprice * (1 - l_discount) AS DECIMAL(18, 4))            AS net_price,
    CAST(l_extendedprice * (1 - l_discount) * (1 + l_tax) AS DECIMAL(18, 6)) AS gross_price,
    CAST(l_receiptdate - l_shipdate AS INTEGER)                           AS ship_delay_days,
    CASE
        WHEN l_returnflag IS NULL THEN NULL
        WHEN l_returnflag = 'R' THEN 'returned'
        WHEN l_returnflag = 'A' THEN 'accepted'
        ELSE 'open'
    END                                                                   AS return_status
FROM lineitem
