"""The table of build directories, for every build tool, on which the doctor and the builds must agree."""

from .autotools import AUTOTOOLS
from .cmake import CMAKE
from .makefiles import MAKEFILES
from .meson import MESON
from .others import OTHERS

ROWS = [*CMAKE, *MESON, *AUTOTOOLS, *MAKEFILES, *OTHERS]
