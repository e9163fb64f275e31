"""Sample files: what a snippet reads from its working directory or fetches by its address, and nobody has.

`files_for` finds the files that a snippet names, `addresses_for` the addresses,
`data_sets_for` the hub's data sets, all by parsing alone;
`contents` makes the content of one of a kind.
"""

from rlaif.execution.hubs.sample_files.addresses import addresses_for, media_type
from rlaif.execution.hubs.sample_files.contents import contents
from rlaif.execution.hubs.sample_files.data_sets import data_sets_for
from rlaif.execution.hubs.sample_files.find import SampleFile, files_for

__all__ = ["SampleFile", "addresses_for", "contents", "data_sets_for", "files_for", "media_type"]
