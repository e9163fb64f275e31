#!/usr/bin/env bash
# Hydra's sweeps: choice() drops the quotes that keep a text a text, and glob() does not look along hydra.searchpath.
#
# Guess: -m revision=choice('6e2',main) gives the jobs the texts 6e2 and main, as -m revision='6e2',main does; and
# group=glob(*) finds the options that group=NAME finds. hydra-core 1.3.8, seen: the job of choice('6e2',...) gets the
# number 600.0, the one of the plain list the text 6e2; an option in a folder of hydra.searchpath can be named, and glob(*)
# leaves it out without a word.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "hydra-core==1.3.8"
mkdir -p "$folder/conf/model" "$folder/mine/model"
echo "name: ours" > "$folder/conf/model/ours.yaml"
echo "name: yours" > "$folder/mine/model/yours.yaml"
printf 'defaults: [model: ours, _self_]\nrevision: main\n' > "$folder/conf/train.yaml"
cat > "$folder/app.py" <<'PYTHON'
import hydra


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(config):
    print("JOB", config.model.name, repr(config.revision))


main()
PYTHON
cd "$folder"
jobs() { ./venv/bin/python app.py -m "$@" | grep ^JOB || true; }
echo "plain list:"; plain=$(jobs "revision='6e2',main"); echo "$plain"
echo "choice:";     choice=$(jobs "revision=choice('6e2',main)"); echo "$choice"
echo "glob:";       glob=$(jobs "hydra.searchpath=[file://$folder/mine]" "model=glob(*)"); echo "$glob"
echo "by name:";    named=$(jobs "hydra.searchpath=[file://$folder/mine]" "model=ours,yours"); echo "$named"
[[ $plain == *"'6e2'"* && $choice == *"600.0"* && $glob != *yours* && $glob == *ours* && $named == *yours* ]] ||
  { echo changed; exit 1; }
