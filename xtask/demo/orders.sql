-- What orders.toml says, as SQL over the original table.
SELECT
    o_orderkey AS order_id,
    o_custkey AS customer_id,
    o_orderdate AS ordered_on,
    o_totalprice AS total,
    o_orderstatus AS status,
    lower(o_orderpriority) AS priority
FROM orders
