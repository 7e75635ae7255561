"""What each provider takes as training data: rules as data, and one check against many of them."""

from finetune_kit.datasets.providers.matrix import ProviderVerdict, ValidationMatrix
from finetune_kit.datasets.providers.profile import Basis, ModelRules, Profile
from finetune_kit.datasets.providers.profiles import PROFILES

__all__ = ["PROFILES", "Basis", "ModelRules", "Profile", "ProviderVerdict", "ValidationMatrix"]
