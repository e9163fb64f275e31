"""The names of what the ablation switches off; apart from how, because that needs large imports."""

ACTION_LOGITS = "logits only where an action is"
SHARED_TRUNK = "critic on the policy's trunk"
KEPT_SCORES = "log-probabilities and values kept from sampling"
ROWS_DROPPED = "finished rows dropped while decoding"
PACKING = "packed sequences"
MICRO_BATCHES = "length-sorted micro-batches under a token budget"
NO_PADDING = "packing and sorting both"
CHUNKS = "chunked log-probabilities"
FUSED_GELU = "GELU as one operation"

TECHNIQUES = (
    ACTION_LOGITS, SHARED_TRUNK, KEPT_SCORES, ROWS_DROPPED, PACKING, MICRO_BATCHES, NO_PADDING, CHUNKS, FUSED_GELU,
)  # fmt: skip
