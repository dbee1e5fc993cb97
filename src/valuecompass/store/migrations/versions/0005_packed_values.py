"""Long texts and verdicts may be packed (`store/packed.py`).

The tables stay as they are: SQLite takes bytes in any column, and PostgreSQL's values stay plain.
The number keeps versions away that would take packed values for texts.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
COLUMNS = (("responses", "text"), ("verdicts", "body"))


def upgrade() -> None:
    pass


def downgrade() -> None:
    from valuecompass.store.packed import unpack

    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    for table, column in COLUMNS:
        packed = f"SELECT rowid, {column} FROM {table} WHERE typeof({column}) = 'blob'"
        plain = sa.text(f"UPDATE {table} SET {column} = :plain WHERE rowid = :row")
        for row, kept in connection.exec_driver_sql(packed).fetchall():
            connection.execute(plain, {"plain": unpack(kept), "row": row})
