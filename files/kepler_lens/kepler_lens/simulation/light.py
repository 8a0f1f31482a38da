"""Simulated stars that a search must tell apart: planets out of time, binaries, spots.

Each class computes the relative light of long-cadence exposures, 1 where nothing dims or brightens
the star. The light of a spotted star with a planet is the product of both.

Numbers without a source are chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kepler_lens.missions.kepler import LONG_CADENCE_DAYS, QUARTER_STARTS
from kepler_lens.transit_model import TransitModel

Floats = NDArray[np.float64]
Light = Callable[[Floats], Floats]
"""Computes the relative light (float64[n]) at some instants (float64[n], BKJD, days)."""


@dataclass(frozen=True, slots=True)
class Delayed:
    """A planet whose transits are early or late by a sine wave, as another planet makes them.

    Attributes
    ----------
    planet : TransitModel
        With its mean period.
    amplitude_days, wave_days : float
        Largest delay of a transit, and period of the sine wave.
    """

    planet: TransitModel
    amplitude_days: float
    wave_days: float

    def light(self, time: Floats) -> Floats:
        """Compute the relative light (float64[n]) at some instants (float64[n], BKJD, days)."""
        planet = self.planet
        number = np.round((time - planet.epoch_bkjd) / planet.period_days)
        due = planet.epoch_bkjd + number * planet.period_days
        late = self.amplitude_days * np.sin(2 * np.pi * due / self.wave_days)
        # A period so long that there is one transit, at time 0.
        single = replace(planet, period_days=1e6, epoch_bkjd=0.0)
        return 1 - single.mean_dimming(time - due - late, LONG_CADENCE_DAYS)


@dataclass(frozen=True, slots=True)
class Binary:
    """Two stars that eclipse each other.

    Attributes
    ----------
    period_days : float
    epoch_bkjd : float
        Middle of a deeper eclipse, days.
    depths : (float, float)
        Depths of both eclipses, relative flux.
    duration_hours : float
        First to fourth contact.
    phase : float
        Second eclipse, periods after the deeper one.
    """

    period_days: float
    epoch_bkjd: float
    depths: tuple[float, float]
    duration_hours: float
    phase: float = 0.5

    def light(self, time: Floats) -> Floats:
        """Compute the relative light (float64[n]) at some instants (float64[n], BKJD, days)."""
        light = np.ones_like(time)
        for depth, phase in zip(self.depths, (0.0, self.phase), strict=True):
            epoch = self.epoch_bkjd + phase * self.period_days
            # A large disc on a large disc, radius ratio 0.3: long flanks, a short bottom.
            shape = TransitModel(self.period_days, epoch, self.duration_hours, 0.3, 0.2)
            deepest = shape.dimming(np.array([epoch]))[0]
            light *= 1 - depth * shape.mean_dimming(time, LONG_CADENCE_DAYS) / deepest
        return light


@dataclass(frozen=True, slots=True)
class Contact:
    """Two stars that touch: twice in a period they show their long sides, and twice their ends.

    Attributes
    ----------
    period_days : float
    epoch_bkjd : float
        Middle of a deeper minimum, days.
    amplitude, difference : float
        Amplitude of the variation, and by how much one minimum is deeper, relative flux.
    """

    period_days: float
    epoch_bkjd: float
    amplitude: float
    difference: float

    def light(self, time: Floats) -> Floats:
        """Compute the relative light (float64[n]) at some instants (float64[n], BKJD, days)."""
        phase = 2 * np.pi * (time - self.epoch_bkjd) / self.period_days
        # Factors on the amplitudes: the mean of a sine wave over an exposure.
        one, two = (np.sinc(k * LONG_CADENCE_DAYS / self.period_days) for k in (1, 2))
        sides = self.amplitude / 2 * np.cos(2 * phase) * two
        ends = self.difference / 2 * np.cos(phase) * one
        return np.asarray(1 - sides - ends)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Two stars on a long orbit that distort each other where they are nearest.

    The variation is proportional to (1 - 3 sin²i cos²(f - ω)) / r³, with the inclination i, the
    true anomaly f, the argument of periastron ω and the distance r (Kumar et al. 1995, ApJ 449,
    294, equation 44).

    Attributes
    ----------
    period_days : float
    epoch_bkjd : float
        A time of the smallest distance, days.
    amplitude : float
        From the darkest to the brightest, relative flux.
    eccentricity : float
    omega_deg, inclination_deg : float
        Argument of periastron, and inclination, degrees.
    """

    period_days: float
    epoch_bkjd: float
    amplitude: float
    eccentricity: float = 0.6
    omega_deg: float = 50.0
    inclination_deg: float = 60.0

    def light(self, time: Floats) -> Floats:
        """Compute the relative light (float64[n]) at some instants (float64[n], BKJD, days)."""
        e = self.eccentricity
        mean = 2 * np.pi * ((time - self.epoch_bkjd) / self.period_days % 1.0)
        anomaly = mean.copy()
        for _ in range(30):
            anomaly -= (anomaly - e * np.sin(anomaly) - mean) / (1 - e * np.cos(anomaly))
        true = 2 * np.arctan2(
            np.sqrt(1 + e) * np.sin(anomaly / 2), np.sqrt(1 - e) * np.cos(anomaly / 2)
        )
        tilt = np.sin(np.radians(self.inclination_deg)) ** 2
        shape = 1 - 3 * tilt * np.cos(true - np.radians(self.omega_deg)) ** 2
        shape /= (1 - e * np.cos(anomaly)) ** 3
        return np.asarray(1 + self.amplitude * (shape - np.median(shape)) / np.ptp(shape))


@dataclass(frozen=True, slots=True)
class Spots:
    """Dark spots that move over a star's disc by its rotation, and live for some rotations.

    Attributes
    ----------
    rotation_days : float
        Period of the rotation.
    amplitude : float
        Largest depth of one spot, relative flux.
    count : int
        Number of spots over the mission.
    seed : int
        Seed of the random numbers.
    """

    rotation_days: float
    amplitude: float
    count: int = 30
    seed: int = 0

    def light(self, time: Floats) -> Floats:
        """Compute the relative light (float64[n]) at some instants (float64[n], BKJD, days)."""
        rng = np.random.default_rng(self.seed)
        light = np.ones_like(time)
        for _ in range(self.count):
            born, age = rng.uniform(100, 1600), rng.uniform(2, 6) * self.rotation_days
            longitude, size = rng.uniform(0, 2 * np.pi), self.amplitude * rng.uniform(0.3, 1)
            turned = np.cos(2 * np.pi * time / self.rotation_days + longitude)
            grown = np.exp(-0.5 * ((time - born) / age) ** 2)
            light -= size * grown * np.maximum(turned, 0)
        return light


KINDS = ("planets", "timing", "binary", "contact", "heartbeat", "spots")
"""Kinds of simulated stars: planets in time, planets out of time, eclipsing binaries, contact
binaries, heartbeat stars, and spotted stars with planets."""


def light_of(kind: str, star: int, seed: int) -> tuple[TransitModel | None, Light]:
    """Draw the light of a star at random, without planets in time and slow variability.

    Parameters
    ----------
    kind : str
        One of `KINDS`, except the first.
    star, seed : int
        Seed of the random numbers.

    Returns
    -------
    TransitModel or None, callable
        The planet that is out of time, if there is one, and the function `Light`.
    """
    rng = np.random.default_rng([seed, star, 5])
    epoch = round(QUARTER_STARTS[1] + float(rng.uniform(0, 3)), 5)
    period = round(float(np.exp(rng.uniform(np.log(3), np.log(30)))), 6)
    hours = round(13 * (period / 365.25) ** (1 / 3), 4)
    if kind == "timing":
        planet = TransitModel(period, epoch, hours, 0.04, 0.2)
        return planet, Delayed(planet, 0.01 * period, float(rng.uniform(300, 700))).light
    if kind == "binary":
        depth = float(np.exp(rng.uniform(np.log(0.01), np.log(0.4))))
        return None, Binary(period, epoch, (depth, float(rng.uniform(0.3, 1)) * depth), hours).light
    if kind == "contact":
        return None, Contact(period / 30, epoch, float(rng.uniform(0.1, 0.5)), 0.02).light
    if kind == "heartbeat":
        return None, Heartbeat(period, epoch, float(rng.uniform(5e-4, 3e-3))).light
    return None, Spots(float(rng.uniform(5, 20)), 0.02, seed=int(rng.integers(1 << 30))).light
