"""What is remembered: SQLAlchemy Core tables, the books kept in them, and the migrations."""
