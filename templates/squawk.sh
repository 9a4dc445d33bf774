new=$(git diff --name-only --no-renames --diff-filter=A "$BASE...HEAD" -- migrations/versions)
if [ -z "$new" ]; then
  echo "There is no new revision."
  exit 0
fi
sql=$(mktemp -d)
uv run --no-dev python migrations/write_sql.py "$sql" $new
uvx --from "{{ db.squawk }}" squawk --no-error-on-unmatched-pattern "$sql/*.sql"
