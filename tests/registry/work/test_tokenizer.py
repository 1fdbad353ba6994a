"""One vocabulary of several models': what is united, what is refused, and that the merge by it loads and means what it says."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from making import CONFIG, safetensors, write_model
from strategies import filled, packed, values
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from tokenizers.processors import TemplateProcessing

from merger.folder import describe
from merger.rows import mapped
from registry.home import Home
from registry.store import Absent
from registry.work.add import Declared, add
from registry.work.engine import NUMPY, compiling
from registry.work.make import make as merge
from registry.work.make import planned, prepare
from registry.work.tokenizer import make
from signing.errors import Malformed, Refused
