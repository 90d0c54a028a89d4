# Fetches the model at MODEL_URI into MODEL_PATH and verifies its SHA-256. The init container `load-model` runs it.
# A model that is there already was verified when it came, and is not fetched again. Nothing is ever half there:
# what was fetched gets its name only after the checksum was right.
set -eu

if [ -d "$MODEL_PATH" ]; then
    echo "Model is here already: $MODEL_PATH"
    exit 0
fi

partial="$MODEL_PATH.partial-${HOSTNAME:-pod}-$$"
rm -rf "${MODEL_PATH%/*}"/*".partial-${HOSTNAME:-pod}-"*
mkdir -p "$partial"
echo "Fetching $MODEL_URI"
case "$MODEL_URI" in
    s3://*/) aws s3 cp --recursive --only-show-errors "$MODEL_URI" "$partial/" ;;
    s3://*) aws s3 cp --only-show-errors "$MODEL_URI" "$partial/" ;;
    gs://*/) gcloud storage cp --recursive "${MODEL_URI}*" "$partial/" ;;
    gs://*) gcloud storage cp "$MODEL_URI" "$partial/" ;;
    models:/* | runs:/* | mlflow-artifacts:/*)
        mlflow artifacts download --artifact-uri "$MODEL_URI" --dst-path "$partial"
        rm -f "$partial/registered_model_meta" # MLflow's client adds it, and it is not among the model's files
        ;;
    *)
        echo "Cannot fetch $MODEL_URI: the address begins with s3://, gs://, models:/, runs:/ or mlflow-artifacts:/" >&2
        exit 1
        ;;
esac

cd "$partial"
if [ -z "$(find . -type f)" ]; then
    echo "There is no file at $MODEL_URI. The address of a folder ends with a slash." >&2
    exit 1
fi
# Of one file: its own checksum. Of a folder: the checksum of the list of its files' checksums, sorted by path.
case "$MODEL_URI" in
    *:/*/ | models:/* | runs:/* | mlflow-artifacts:/*)
        found=$(find . -type f | LC_ALL=C sort | while IFS= read -r file; do sha256sum "$file"; done | sha256sum | cut -d ' ' -f 1)
        ;;
    *) found=$(find . -type f -exec sha256sum {} + | cut -d ' ' -f 1) ;;
esac
if [ -z "$MODEL_SHA256" ]; then
    echo "Not verified: model.sha256 is empty. What came has sha256 $found"
elif [ "$found" != "$MODEL_SHA256" ]; then
    echo "Wrong checksum of $MODEL_URI: expected $MODEL_SHA256, found $found" >&2
    rm -rf "$partial"
    exit 1
fi
cd /
# Another pod may have been faster on a shared volume; then its model is the same one.
mv -T "$partial" "$MODEL_PATH" 2>/dev/null || { [ -d "$MODEL_PATH" ] && rm -rf "$partial"; }
echo "Model is here: $MODEL_PATH, sha256 $found"
