"""What load may come before help does: from the measured rate, its past, and the time to Ready.

A forecast may only raise what is planned for. Little history means: the latest rate.
"""

from trimtab.core.forecast.forecast import Forecast, forecast
from trimtab.core.forecast.history import History, record, replayed

__all__ = ["Forecast", "History", "forecast", "record", "replayed"]
