"""Build trees of every generator: the rows of the table on which the doctor and the builds agree."""

from .autotools import AUTOTOOLS
from .cmake import CMAKE
from .makefiles import MAKEFILES
from .meson import MESON
from .others import OTHERS

ROWS = [*CMAKE, *MESON, *AUTOTOOLS, *MAKEFILES, *OTHERS]
