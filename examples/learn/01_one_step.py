# %% [markdown]
# # 1. One training step, with pencil and paper
#
# A network is a chain of functions, and a training step is: forward, loss, backward, a small change of each parameter.
# Here is a network that is small enough to do all of it by hand: a 3 x 3 image, a 2 x 2 filter, ReLU, 2 x 2 pooling,
# two outputs. Take a sheet of paper, compute each number before you read it, and compare.
#
# The same in the terminal: `python -m numpycnn.learn trace`; as a picture: `--draw FILE.png`
# ([here it is](pictures/by_hand.png)).

# %%
import numpy as np
from course import derive, question, report

from numpycnn.learn import trace
from numpycnn.learn.by_hand import by_hand, trace_by_hand, written_by_hand

found = trace_by_hand()
forward, backward = written_by_hand(found).split("BACKWARD")
print(f"{forward.split('1. convolution')[0]}The filter w:\n{found.steps[0].parameters['weight'][..., 0, 0]}")

# %%
question("The filter slides over the image: four positions. What are the four numbers? Which of them does ReLU change?")
print("1. convolution" + forward.split("1. convolution")[1])

# %%
question("The label is 1. Which way must the two logits go? Which pixel of the pooling's window gets a gradient?")
print("BACKWARD" + backward.split("ADAM")[0])

# %%
question("Adam's first step: the gradients are 1.76, 0.88 and 0. By how much does each weight of the filter move?")
print("ADAM" + backward.split("ADAM")[1])

# %% [markdown]
# ## Is the gradient right?
#
# A gradient is a promise: move a weight by a little h, and the loss moves by h times the gradient. So it can be checked
# by nothing but two forward passes, without any knowledge of how it was derived.

# %%
question("The loss is 2.1269 and dL/dw[0, 0] is 1.7616. What will the loss be with w[0, 0] = 1.001?")
model, h = by_hand(), 1e-3
losses = []
for step in (h, -h):
    model = by_hand()
    model.layers[0].parameters[0].value[0, 0, 0, 0] += step
    losses.append(trace(model, found.x, found.labels).loss)
numeric = (losses[0] - losses[1]) / (2 * h)
analytic = found.steps[0].gradients["weight"][0, 0, 0, 0]
print(f"loss {losses[0]:.6f}; slope {numeric:.6f}, gradient {analytic:.6f}, apart by {abs(numeric - analytic):.0e}")
print("Both equals of the pooling's tie see equal numbers, so with a weight they move alike, with a pixel they part.")

# %% [markdown]
# ## After the step the loss is smaller

# %%
question("All parameters take Adam's step. What does the loss do?")
values = [step.updated[name] for step in found.steps for name in step.parameters]
model = by_hand()
model.set_weights(values)
after = trace(model, found.x, found.labels)
print(f"loss before {found.loss:.4f}, after {after.loss:.4f}")
assert after.loss < found.loss

d = derive("one step")
by_sign = [
    step.parameters[name] - 0.1 * step.gradients[name] / (np.abs(step.gradients[name]) + 1e-8)
    for step in found.steps for name in step.parameters
]
d.package("w - 0.1 g / (|g| + 1e-8): Adam's first step goes by signs", *(
    np.concatenate([value.ravel() for value in each]) for each in (by_sign, values)
))
report()

# %% [markdown]
# ## Exercises
#
# 1. Change the label to 0 and do the backward pass again, by hand. Which numbers change their sign?
# 2. Change the image so that there is no tie. Which parts of `dw` change?
# 3. The same of your own model: `python -m numpycnn.learn trace model.npz picture.png --label 7`. Read the shapes and
#    bytes: where is the memory? Follow one pixel with `--pixel`: when has it reached everything?
# 4. A gradient may be wrong and the network may learn all the same: run
#    `python examples/learn/experiments.py wrong_gradient`, after you have guessed the accuracy.
#
# Not covered: where the rules come from. That is what the next chapters are for, a layer each.
