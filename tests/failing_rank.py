"""What `test_ranks` starts twice: the second process fails while the first waits for it in an exchange."""

from __future__ import annotations

import time

from rlaif import ranks, train
from rlaif.errors import UserError


def main() -> None:
    try:
        with ranks.joined() as among, among.together():
            from rlaif.models.shares import Shares

            shares = Shares.of_processes()
            shares.wait()
            if not among.is_main:
                time.sleep(1)
                raise UserError("the second process has had enough")
            shares.sum([1.0])
    except UserError as error:
        train._stop(f"error: {error}")


if __name__ == "__main__":
    main()
