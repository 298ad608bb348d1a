//! What PostgreSQL's catalogue says about the tables of the old names.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult, Statement};

/// A column as it is.
#[derive(Clone, Debug, FromQueryResult)]
pub(super) struct FoundColumn {
    pub(super) table_name: String,
    pub(super) name: String,
    /// The catalogue's short name of the type, such as `int4`.
    pub(super) kind: String,
    /// The type as SQL writes it.
    pub(super) sql_type: String,
    pub(super) not_null: bool,
    /// The labels of an enum, sorted.
    pub(super) labels: Option<String>,
}

/// A primary key (without a target) or a reference to another table.
#[derive(Clone, Debug, PartialEq, FromQueryResult)]
pub(super) struct FoundKey {
    pub(super) table_name: String,
    pub(super) columns: String,
    pub(super) target: Option<String>,
    pub(super) target_columns: Option<String>,
}

/// What is there.
#[derive(Clone, Debug)]
pub(super) struct Catalog {
    pub(super) columns: Vec<FoundColumn>,
    pub(super) keys: Vec<FoundKey>,
    /// What would break or get lost if the tables went away; each the end of a sentence about the database.
    pub(super) dependents: Vec<String>,
}

#[derive(FromQueryResult)]
struct Text {
    text: String,
}

const COLUMNS: &str = "
SELECT c.relname::text AS table_name, a.attname::text AS name, t.typname::text AS kind,
       format_type(a.atttypid, a.atttypmod) AS sql_type, a.attnotnull AS not_null,
       (SELECT string_agg(e.enumlabel, ', ' ORDER BY e.enumlabel) FROM pg_enum AS e WHERE e.enumtypid = t.oid) AS labels
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type AS t ON t.oid = a.atttypid
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND c.relname LIKE 'discovery\\_%'
ORDER BY c.relname, a.attnum";

const KEYS: &str = "
SELECT c.relname::text AS table_name, f.relname::text AS target,
       (SELECT string_agg(a.attname, ', ' ORDER BY k.place)
        FROM unnest(o.conkey) WITH ORDINALITY AS k(number, place)
        JOIN pg_attribute AS a ON a.attrelid = o.conrelid AND a.attnum = k.number) AS columns,
       (SELECT string_agg(a.attname, ', ' ORDER BY k.place)
        FROM unnest(o.confkey) WITH ORDINALITY AS k(number, place)
        JOIN pg_attribute AS a ON a.attrelid = o.confrelid AND a.attnum = k.number) AS target_columns
FROM pg_constraint AS o
JOIN pg_class AS c ON c.oid = o.conrelid
LEFT JOIN pg_class AS f ON f.oid = o.confrelid
WHERE c.relnamespace = current_schema()::regnamespace AND o.contype IN ('p', 'f')
ORDER BY c.relname, columns";

/// The four tables by their object ids; `$1` … are their names.
const OURS: &str = "
WITH ours AS (
    SELECT c.oid, c.relname FROM pg_class AS c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relname IN ($1, $2, $3, $4)
)";

const DEPENDENTS: &str = "
SELECT format('the table %s refers to %s', o.conrelid::regclass, u.relname) AS text
FROM pg_constraint AS o JOIN ours AS u ON u.oid = o.confrelid
WHERE o.contype = 'f' AND o.conrelid NOT IN (SELECT oid FROM ours)
UNION
SELECT format('the view %s reads %s', r.ev_class::regclass, u.relname)
FROM pg_depend AS d
JOIN ours AS u ON u.oid = d.refobjid AND d.refclassid = 'pg_class'::regclass
JOIN pg_rewrite AS r ON r.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
WHERE r.ev_class <> u.oid
UNION
SELECT format('the table %s has the trigger %s', u.relname, t.tgname)
FROM pg_trigger AS t JOIN ours AS u ON u.oid = t.tgrelid WHERE NOT t.tgisinternal
UNION
SELECT format('the table %s has the policy %s', u.relname, p.polname)
FROM pg_policy AS p JOIN ours AS u ON u.oid = p.polrelid
UNION
SELECT format('the table %s is inherited from or inherits', u.relname)
FROM pg_inherits AS i JOIN ours AS u ON u.oid IN (i.inhrelid, i.inhparent)
UNION
SELECT format('%s is no ordinary table', u.relname)
FROM ours AS u JOIN pg_class AS c ON c.oid = u.oid WHERE c.relkind <> 'r'
ORDER BY text";

fn select(sql: &str) -> Statement {
    Statement::from_string(DbBackend::Postgres, sql)
}

fn select_of(sql: &str, tables: [&str; 4]) -> Statement {
    let tables = tables.map(sea_orm::Value::from);
    Statement::from_sql_and_values(DbBackend::Postgres, format!("{OURS} {sql}"), tables)
}

/// Reads what there is of `tables` and the others of Discovery's names.
pub(super) async fn read(db: &impl ConnectionTrait, tables: [&str; 4]) -> Result<Catalog, DbErr> {
    let dependents = Text::find_by_statement(select_of(DEPENDENTS, tables)).all(db).await?;
    Ok(Catalog {
        columns: FoundColumn::find_by_statement(select(COLUMNS)).all(db).await?,
        keys: FoundKey::find_by_statement(select(KEYS)).all(db).await?,
        dependents: dependents.into_iter().map(|row| row.text).collect(),
    })
}

/// The names of the indexes of `tables`, quoted.
pub(super) async fn indexes(db: &impl ConnectionTrait, tables: [&str; 4]) -> Result<Vec<String>, DbErr> {
    let sql = "SELECT quote_ident(i.relname) AS text FROM pg_index AS x \
               JOIN ours AS u ON u.oid = x.indrelid JOIN pg_class AS i ON i.oid = x.indexrelid ORDER BY 1";
    let rows = Text::find_by_statement(select_of(sql, tables)).all(db).await?;
    Ok(rows.into_iter().map(|row| row.text).collect())
}

/// Statements that give others than the owner what they are granted on `tables` now.
pub(super) async fn grants(db: &impl ConnectionTrait, tables: [&str; 4]) -> Result<Vec<String>, DbErr> {
    let sql = "SELECT format('GRANT %s ON %I TO %s', g.privilege_type, u.relname, \
                   CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END) AS text \
               FROM ours AS u JOIN pg_class AS c ON c.oid = u.oid, aclexplode(c.relacl) AS g \
               WHERE g.grantee <> c.relowner ORDER BY 1";
    let rows = Text::find_by_statement(select_of(sql, tables)).all(db).await?;
    Ok(rows.into_iter().map(|row| row.text).collect())
}
