"""Sample files: what a snippet reads from its working directory, and nobody has.

`files_for` finds the files that a snippet names, by parsing alone; `contents` makes one of a kind.
"""

from rlaif.execution.hubs.sample_files.contents import contents
from rlaif.execution.hubs.sample_files.find import SampleFile, files_for

__all__ = ["SampleFile", "contents", "files_for"]
