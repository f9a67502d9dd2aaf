#!/usr/bin/env python3
"""The core of the audit as one would do it without fbwin, to measure fbwin against.

usage: peers.py duckdb|polars|script LOG       (pip install duckdb polars orjson; LOG is JSON lines, or CSV by its name)

All three count four rules in a log of `benches/generate.rs`. They do far less than fbwin: no dated policy, no evidence, no
report, nothing is unproven, and what cannot be read ends the run. `human-agent-expired` is counted from the user's last
message alone, where fbwin counts from the last touch that opens the window, a postback included; so peers count more.
"""
import collections
import sys

FIELDS = ["ts", "channel", "account", "user", "event", "id", "text", "messaging_type", "tag", "token", "sender", "status"]
KEY = ["channel", "account", "user"]


def duckdb(log):
    import duckdb

    columns = "{" + ",".join(f"'{field}':'VARCHAR'" for field in FIELDS) + "}"
    if log.endswith(".csv"):
        source = f"read_csv('{log}', header=true, delim=',', quote='\"', escape='\"', columns={columns})"
    else:
        source = f"read_json('{log}', format='newline_delimited', columns={columns})"
    connection = duckdb.connect()
    connection.execute("SET threads=2")
    connection.execute(
        f"""CREATE TEMP TABLE e AS
            SELECT ts::TIMESTAMPTZ AS ts, channel, account, "user" AS u, event, tag, token FROM {source}"""
    )
    until_now = """PARTITION BY channel, account, u ORDER BY ts, (event = 'send')::INT
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"""
    rows = connection.execute(
        f"""WITH seen AS (
              SELECT *,
                max(CASE WHEN event IN ('message', 'postback') THEN ts END) OVER ({until_now}) AS touch,
                max(CASE WHEN event = 'message' THEN ts END) OVER ({until_now}) AS last_message,
                CASE WHEN event = 'send' AND token IS NOT NULL
                  THEN row_number() OVER (PARTITION BY account, token, event ORDER BY ts) END AS use_number
              FROM e)
            SELECT CASE
                WHEN token IS NOT NULL AND use_number > 1 THEN 'otn-token-reused'
                WHEN tag = 'SHIPPING_UPDATE' THEN 'retired-tag'
                WHEN tag = 'HUMAN_AGENT' AND (last_message IS NULL OR ts - last_message >= INTERVAL 7 DAY)
                  THEN 'human-agent-expired'
                WHEN tag IS NULL AND token IS NULL AND (touch IS NULL OR ts - touch >= INTERVAL 24 HOUR)
                  THEN 'outside-window'
              END AS rule, count(*)
            FROM seen WHERE event = 'send' GROUP BY rule"""
    ).fetchall()
    return {rule: count for rule, count in rows if rule}


def polars(log):
    import polars as pl

    schema = {field: pl.String for field in FIELDS}
    frame = pl.scan_csv(log, schema=schema) if log.endswith(".csv") else pl.scan_ndjson(log, schema=schema)
    col, event = pl.col, pl.col("event")
    seen = (
        frame.select("ts", *KEY, "event", "tag", "token")
        .with_columns(col("ts").str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ"), is_send=event == "send")
        .sort("ts", "is_send")
        .with_columns(
            touch=pl.when(event.is_in(["message", "postback"])).then("ts").forward_fill().over(KEY),
            last_message=pl.when(event == "message").then("ts").forward_fill().over(KEY),
            use_number=col("is_send").cum_sum().over(["account", "token"]),
        )
    )

    def ago(moment, **length):
        return col(moment).is_null() | (col("ts") - col(moment) >= pl.duration(**length))

    rule = (
        pl.when(col("token").is_not_null() & (col("use_number") > 1)).then(pl.lit("otn-token-reused"))
        .when(col("tag") == "SHIPPING_UPDATE").then(pl.lit("retired-tag"))
        .when((col("tag") == "HUMAN_AGENT") & ago("last_message", days=7)).then(pl.lit("human-agent-expired"))
        .when(col("tag").is_null() & col("token").is_null() & ago("touch", hours=24)).then(pl.lit("outside-window"))
    )
    counts = seen.filter("is_send").with_columns(rule=rule).group_by("rule").len().collect()
    return {rule: count for rule, count in counts.rows() if rule}


def records(log):
    if log.endswith(".csv"):
        import csv

        with open(log, newline="", encoding="utf-8") as lines:
            yield from csv.DictReader(lines)
        return
    import orjson

    with open(log, "rb") as lines:
        for line in lines:
            yield orjson.loads(line)


def script(log):
    """One pass over a log in order of time, as many a team has it."""
    from datetime import datetime

    touch, message, uses, found = {}, {}, collections.Counter(), collections.Counter()
    for event in records(log):
        who = (event["channel"], event["account"], event["user"])
        at, kind = datetime.fromisoformat(event["ts"]).timestamp(), event["event"]
        if kind != "send":
            if kind in ("message", "postback"):
                touch[who] = at
            if kind == "message":
                message[who] = at
            continue
        tag, token = event.get("tag"), event.get("token")
        if token:
            uses[token] += 1
            found["otn-token-reused"] += uses[token] > 1
        elif tag == "SHIPPING_UPDATE":
            found["retired-tag"] += 1
        elif tag == "HUMAN_AGENT":
            found["human-agent-expired"] += who not in message or at - message[who] >= 7 * 86_400
        elif not tag:
            found["outside-window"] += who not in touch or at - touch[who] >= 86_400
    return dict(found)


WAYS = {"duckdb": duckdb, "polars": polars, "script": script}

if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in WAYS:
        sys.exit(__doc__)
    for rule, count in sorted(WAYS[sys.argv[1]](sys.argv[2]).items()):
        print(rule, count)
