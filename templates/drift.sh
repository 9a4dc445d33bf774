if [ ! -f .cruft.json ]; then
  echo "Cruft did not make this service, so nobody knows how far it is behind: see uvx cruft link --help"
  exit 0
fi
link() { python3 -c "import json; print(json.load(open('.cruft.json'))['$1'])"; }
history=$(mktemp -d)
git clone --quiet --bare --filter=blob:none "$(link template)" "$history"
new="$(link commit)..HEAD"
{
  echo "Changes of the template that this service does not have: $(git -C "$history" rev-list --count --no-merges "$new")"
  git -C "$history" log --no-merges --format="- %as %s" "$new"
  echo "To merge them: uvx cruft update"
} | tee -a "${GITHUB_STEP_SUMMARY:-/dev/null}"
