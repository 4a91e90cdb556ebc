# %% [markdown]
# # 00 · The article, line by line
#
# This course began with an article in Chinese about recurrent networks (RNN) and attention. It has six sections,
# two formulas, one PyTorch program and four questions with answers. Much of it is right, some of it says nothing,
# and the program does not do what the text says. This chapter walks through all of it. You need no PyTorch and,
# as yet, no derivations: where something must be derived, the chapter that does it is named.

# %% [markdown]
# ## The question
#
# The article says about its program: *"we first defined an RNN class, which contains the LSTM layer and the
# attention mechanism"*, and it prints a test loss at the end. **Does the program use attention? And what can its
# test loss tell us?** Read the program first. It is shown as text, nothing of it is run.

# %%
import ast

import numpy as np

from scratchnn import check, data, draw, gradflow
from scratchnn.lessons import show
from scratchnn.models import SequenceClassifier
from scratchnn.ops import attention
from scratchnn.training import Adam, CrossEntropyLoss, fit

PROGRAM = """
import torch
import torch.nn as nn
import torch.optim as optim

class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, num_layers, num_classes):
        super(RNN, self).__init__()
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.lstm = nn.LSTM(input_size, hidden_size, num_layers, batch_first=True)
        self.fc = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        h0 = torch.zeros(self.num_layers, x.size(0), self.hidden_size).to(x.device)
        c0 = torch.zeros(self.num_layers, x.size(0), self.hidden_size).to(x.device)
        out, _ = self.lstm(x, (h0, c0))
        out = self.fc(out[:, -1, :])
        return out

class Attention(nn.Module):
    def __init__(self, hidden_size):
        super(Attention, self).__init__()
        self.hidden_size = hidden_size
        self.attention = nn.Linear(hidden_size * 2, hidden_size)

    def forward(self, hidden, encoder_outputs):
        attn_weights = F.softmax(self.attention(torch.cat((hidden.unsqueeze(1), encoder_outputs), dim=2)), dim=2)
        context = torch.bmm(attn_weights.unsqueeze(1), encoder_outputs.permute(1, 0, 2)).squeeze(3)
        return context

# 使用 RNN 与注意力机制实现序列数据的处理

input_size = 10
hidden_size = 20
num_layers = 1
num_classes = 2

rnn = RNN(input_size, hidden_size, num_layers, num_classes)

attention = Attention(hidden_size)

# 训练数据
x_train = torch.randn(100, 10, 10)
y_train = torch.randint(0, 2, (100,))

# 测试数据
x_test = torch.randn(10, 10, 10)
y_test = torch.randint(0, 2, (10,))

# 训练模型
criterion = nn.CrossEntropyLoss()
optimizer = optim.Adam(rnn.parameters(), lr=0.001)

for epoch in range(1000):
    optimizer.zero_grad()
    output = rnn(x_train)
    loss = criterion(output, y_train)
    loss.backward()
    optimizer.step()

# 测试模型
with torch.no_grad():
    output_test = rnn(x_test)
    loss_test = criterion(output_test, y_test)
    print('Test Loss:', loss_test.item())
"""

# %% [markdown]
# ## Derivation on paper-sized numbers
#
# ### Sub-goal 1: the first formula (section 3.3)
#
# $$e_{ij} = \frac{\exp(s(h_i, h_j))}{\sum_{k=1}^{T} \exp(s(h_i, h_k))}$$
#
# $h_1, \dots, h_T$ are the states of an RNN, one per step of the sequence. $s$ measures how similar two states
# are; the article leaves open how. We take the dot product. Three states, $h_1 = (0, 0)$, $h_2 = (1, 0)$,
# $h_3 = (\ln 3, 0)$. Look from $i = 2$: the similarities are $0,\ 1,\ \ln 3$. With $\exp$: $1,\ 2.718,\ 3$.
# Divide by their sum 6.718:
#
# $$e_{2} = 0.1488,\ 0.4046,\ 0.4465$$
#
# The numbers are positive and sum to 1. This is a *softmax over time*: the sum runs over $k$, the steps.
#
# ### Sub-goal 2: the second formula
#
# $$a_i = \sum_{j=1}^{T} e_{ij} h_j$$
#
# A mean of all states with these weights: $a_2 = 0.1488 \cdot 0 + 0.4046 \cdot 1 + 0.4465 \cdot 1.0986 = 0.8952$
# in the first entry. Each $e_{ij}$ must be **one number**, or it could not be a weight of $h_j$.
#
# ### Sub-goal 3: step 4 of section 3.2
#
# The article's list of steps ends with "add the chosen information to that of the current position",
# $y_i = h_i + a_i$. Its formulas do not contain that line and call $a_i$ the output. The two do not agree. The
# library has both; how a gradient goes back through them is derived in chapter 60.

# %%
h = np.array([[[0.0, 0.0], [1.0, 0.0], [np.log(3), 0.0]]])  # (B, T, H): one sequence, three states
cache = attention.reference.forward(h, h, h, score="dot")
print("e, row i = 2:", cache.alpha[0, 1].round(4), " sum", cache.alpha[0, 1].sum())
print("a_2:", cache.context[0, 1].round(4), "  y_2 = h_2 + a_2:", (h + cache.context)[0, 1].round(4))

# %% [markdown]
# ## The library's own code
#
# | article, section | what it says | chapter | code |
# |---|---|---|---|
# | 1 and 2.1 | RNN; gradients vanish and explode | 40 | `scratchnn/ops/rnn/reference.py`, `scratchnn/gradflow/` |
# | 2.2, 3.1 | what attention is | 60 | `scratchnn/ops/attention/reference.py` |
# | 2.3, 3.4 | RNN, LSTM or GRU with attention | 50, 70 | `scratchnn/models/classifier.py` |
# | 3.2 | four steps; the last one adds | 00, 60 | `SelfAttention` in `scratchnn/layers/attention.py` |
# | 3.3 | two formulas | 00, 60 | `ARTICLE` in `scratchnn/ops/attention/equations.py` |
# | 4 | the program | 00 | `scratchnn train article`, `scratchnn/data/synthetic.py` |
# | 4, loss and Adam | `CrossEntropyLoss`, `Adam` | 70 | `scratchnn/ops/cross_entropy/`, `scratchnn/training/` |
# | 5 | cost, Transformer, BERT | 60 | `scratchnn bench attention` |
# | 6 | four questions | 00 (below) | |
# | not in it | is a gradient right? | 10, 20, 30 | `scratchnn/probe/`, `scratchnn/check/` |
#
# The article's composition, forward and backward, is one of the things that the library proves right:

# %%
for equation in attention.equations.ARTICLE:
    print(f"({equation.number})  {equation.text:<40} {equation.source}")
print(check.run("attention.article")[0])

# %% [markdown]
# ## Step through
#
# Read the program with a program: Python can parse it without running it. Who is called, and which names does it
# use that nobody defined?

# %%
tree = ast.parse(PROGRAM)
called = [node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
print("calls of names:", sorted(set(called)))
print("the object `attention` is called", called.count("attention"), "times, `rnn`", called.count("rnn"), "times")
imported = {
    alias.asname or alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
}
used_modules = {
    node.value.id for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
}
print("F is used:", "F" in used_modules, "  F is imported:", "F" in imported)
optimised = [ast.unparse(node.args[0]) for node in ast.walk(tree)
             if isinstance(node, ast.Call) and ast.unparse(node.func) == "optim.Adam"]  # fmt: skip
print("the optimiser is given:", optimised)

# %% [markdown]
# The answer to the first question: **no**. `Attention(hidden_size)` is created and never called. That is why
# nobody noticed that `F` is not imported, and that the optimiser never hears of its weights. What would happen if
# somebody called it?
#
# ## Bug hunt
#
# There are six faults in the four lines of `Attention`. NumPy has the same rules for shapes, so we can show each
# with small arrays. $B = 4$ sequences, $T = 3$ steps, $H = 2$ units. **Find as many as you can before you run the
# cell.**

# %%
rng = np.random.default_rng(0)
B, T, H = 4, 3, 2
hidden, encoder_outputs = rng.normal(size=(B, H)), rng.normal(size=(B, T, H))


def attempt(title, action):
    """Run an action and say how it ends."""
    try:
        result = action()
        said = f"gives shape {result.shape}"
    except (ValueError, np.exceptions.AxisError) as error:
        said = f"fails: {error}"
    print(f"{title}\n    {said}")
    return said


faults = {"cat": attempt("1. torch.cat of (B, 1, H) and (B, T, H) along the last axis", lambda: np.concatenate(
    [hidden[:, None], encoder_outputs], axis=2))}  # fmt: skip
both = np.concatenate([np.repeat(hidden[:, None], T, axis=1), encoder_outputs], axis=2)  # what was meant: (B, T, 2H)
scores = both @ rng.normal(size=(2 * H, H))
faults["vector"] = attempt(
    "2. Linear(2H -> H): a vector of H scores per step, where one number is meant", lambda: scores
)
weights = np.exp(scores) / np.exp(scores).sum(axis=2, keepdims=True)
print("3. softmax over the features: sums over the features", weights.sum(axis=2)[0].round(3))
print("   sums over time, which should be 1:", weights.sum(axis=1)[0].round(3))
one_per_step = rng.normal(size=(B, 1, T))
faults["permute"] = attempt("4. permute(1, 0, 2) of what already is (B, T, H), and then a product per sequence",
                            lambda: np.matmul(one_per_step, encoder_outputs.transpose(1, 0, 2)))  # fmt: skip
print("5. attn_weights.unsqueeze(1) has", weights[:, None].ndim, "axes, and torch.bmm takes exactly 3")
faults["squeeze"] = attempt("6. squeeze(3) of the context (B, 1, H)", lambda: np.squeeze(np.zeros((B, 1, H)), axis=3))

# %% [markdown]
# Number 4 deserves a second look, because it does not always fail. If $B = T$, the shapes fit, and the product
# mixes *other people's sequences* into each context. In the article's test data $B = 10$ and $T = 10$. Such a
# fault is silent. This is a reason to test with sizes that all differ (chapters 30 and 40).

# %%
square = rng.normal(size=(3, 3, H))
alpha = np.full((3, 1, 3), 1 / 3)
mixed = np.matmul(alpha, square.transpose(1, 0, 2))[0, 0]
print("context of sequence 1, right ", square[0].mean(axis=0).round(3))
print("with the permute             ", mixed.round(3), "= the mean of step 1 over all sequences")

# %% [markdown]
# ## Predict, then run
#
# Now the second question. The labels come from `torch.randint(0, 2, ...)`: a coin, thrown without looking at the
# input. The article trains on 100 sequences and measures the loss on 10 others. A model that knows nothing says
# "one half" and has the loss $\ln 2 = 0.693$.
#
# **Write down:** after training, will the *test* loss be below 0.693, about 0.693, or above it? And the
# *training* loss?
#
# (We train with ten times the article's rate and 120 instead of 1,000 rounds, to be quick;
# `scratchnn train article` does the original. As in the article there is an LSTM with 20 units, and no
# attention.)


# %%
def train(dataset, seed, *, pooling, epochs, batch_size):
    """An LSTM classifier as in the article; pooling "last" reads the last state, "attention" all of them."""
    rng = np.random.default_rng(seed)
    drawn = dataset(rng)
    sizes = {"input_size": 10, "hidden_size": 20, "bidirectional": False}
    model = SequenceClassifier(2, **sizes, pooling=pooling, query="last", backend="reference", rng=rng)
    learn, ask = (data.Batches(*drawn.part(part), batch_size=batch_size) for part in ("train", "test"))
    optimizer = Adam(model.params, lr=0.01, backend="reference")
    criterion = CrossEntropyLoss(backend="reference")
    options = {"epochs": epochs, "validation": ask, "monitor": None, "max_norm": 1.0, "progress": False}
    history = fit(model, criterion, optimizer, learn, rng=rng, **options)
    return model, drawn, history.rows


coin = {}
for seed in range(3):
    _, _, rows = train(data.article, seed, pooling="last", epochs=120, batch_size=100)
    coin[seed] = rows
    learnt, asked = ([f"{rows[k][name]:.3f}" for k in (0, -1)] for name in ("train_loss", "valid_loss"))
    print(f"seed {seed}: training loss {' -> '.join(learnt)},  test loss {' -> '.join(asked)}")
show(draw.train_and_test({f"seed {seed}": rows for seed, rows in coin.items()}, title="Random labels"))

# %% [markdown]
# The training loss falls to zero: the model learns 100 coin throws by heart. The test loss *rises*, to several
# times that of knowing nothing, because the model is now sure of things that are not so. No model can do
# better here than 0.693, with attention or without. **The article's test loss can only say how sure the model is
# of nonsense.**
#
# ### The program as it was meant
#
# The same shapes, 10 steps of 10 features and two classes, but a task with something in it (`data.marked_step`):
# at one step, another one in each sequence, 2 is added to all features if the class is 1, and subtracted if it is
# 0. And a model that really has attention: the last state asks, all states answer, additive score (chapter 60).
# Will the attention be found at the marked step, though nobody told the model where it is?


# %%
def marked(rng):
    """400 sequences to learn from, 200 to be asked."""
    return data.marked_step(rng, train=400, test=200)


results = []
for seed in range(3):
    model, drawn, rows = train(marked, seed, pooling="attention", epochs=15, batch_size=50)
    inputs = np.array(drawn.part("test")[0])
    true_step = np.abs(inputs.sum(axis=2)).argmax(axis=1)
    logits, seen = model.forward(inputs)
    hit = (seen.alpha.argmax(axis=1) == true_step).mean()
    results.append((rows[-1]["valid_loss"], rows[-1]["valid_accuracy"], hit))
    test_loss, accuracy, _ = results[-1]
    print(f"seed {seed}: test loss {test_loss:.3f}, accuracy {accuracy:.1%}, looked at the marked step {hit:.1%}")

# %% [markdown]
# ## The four questions of section 6
#
# **1. What is the difference between an RNN and attention?** The article repeats what an RNN is. Here is a
# difference that can be measured: *the length of the road*. In an RNN the loss at the end reaches the first state
# only through all the steps between. With attention the loss also reads the first state directly. Here is
# how large the gradient at the first state is, compared with the gradient at the last one (derived in chapters 40
# and 60):

# %%
share = {}
for T in (10, 50, 200):
    steps = np.random.default_rng(1).normal(size=(T, 4, 8))
    for direct in (False, True):
        cell = gradflow.make_cell("rnn", np.random.default_rng(0), radius=0.9)
        share[T, direct] = np.exp(gradflow.gradient_norms(cell, steps, through_attention=direct).relative[0])
    print(f"T = {T:>3}: without attention {share[T, False]:.1e}, with attention {share[T, True]:.2f}")

# %% [markdown]
# The article's section 2.1 blames "the accumulation of weights". More exactly it is a *product* of one matrix per
# step, of slope times weight: $0.9^{49} = 0.0057$, $1.1^{49} = 107$ (chapter 40). And attention does not repair
# that product; it is a second road beside it.
#
# **2. Advantages and disadvantages of attention?** The advantage is the table above. The cost: every one of $T$
# positions is compared with every other, $T^2$ numbers where the RNN makes $T$ steps.

# %%
for T in (10, 100, 1000):
    scores_of_T = attention.reference.forward(*(np.zeros((1, T, 2)) for _ in range(3))).scores
    print(f"T = {T:>4}: {T:>4} steps of an RNN, {scores_of_T.size:>9,} scores of self-attention")

# %% [markdown]
# **3. How does one build it?** The article says "with nn.LSTM and nn.Linear". Two `Linear` layers and an LSTM are
# not yet attention; what is missing is the softmax over time and the weighted mean. The function `train` above is
# the answer.
#
# **4. How does one train and test it?** Cross-entropy and Adam, yes. But test with labels that can be known, on
# more than ten sequences, compare with a baseline (here $\ln 2$ and one half), repeat with several seeds. And
# before all that: check the gradients (chapter 30), because a wrong gradient trains as well.
#
# **Section 5, the future.** The Transformer (2017) and BERT (2018), which it places there, exist. The cost of
# $T^2$ is a real problem to this day.
#
# ## What to remember
#
# - Read programs, not only the text around them: the article's attention is never used.
# - An error that fails loudly is the good case. $B = T$ makes a wrong `permute` silent.
# - Softmax over time, one score per step.
# - A loss on random labels means nothing. Ask first what a model that knows nothing would get.
#
# ### 中文小结
#
# - 文章的文字说 RNN 类“包含了 LSTM 层和注意力机制”,但程序中的 `Attention`
#   从未被调用,`F` 也没有导入。
# - 即使调用,它也会出错:拼接的两个张量长度不同;`Linear(2H, H)`
#   给每一步的是一个向量,而权重应当是一个数;softmax 沿特征维而不是时间维;
#   `permute` 与 `batch_first` 矛盾(当批大小等于序列长度时不会报错,结果却是错的);
#   `squeeze(3)` 的轴不存在。
# - 标签是随机的,所以训练损失降到零,只是死记硬背;测试损失只会上升。
#   三个随机种子的结果都是这样。
# - 换成有规律的任务(某一步带有标记),真正使用注意力的模型几乎全部答对,
#   而且注意力几乎总是落在被标记的那一步。
# - 梯度消失和爆炸的原因是每一步的雅可比矩阵连乘(第 40 章);
#   注意力提供了另一条直达的路(第 60 章),代价是 $T^2$ 个分数。
# - 之后的各章:10 导数,20 链式法则,30 梯度检验,40 RNN,50 LSTM,
#   60 注意力,70 真实的姓氏数据。

# %%
assert np.allclose(cache.alpha[0, 1], [0.1488, 0.4046, 0.4465], atol=5e-5)
assert np.isclose(cache.context[0, 1, 0], 0.8952, atol=1e-4)
assert check.run("attention.article")[0].passed
assert called.count("attention") == 0
assert called.count("rnn") == 2
assert "F" in used_modules - imported
assert optimised == ["rnn.parameters()"]
assert all(said.startswith("fails") for name, said in faults.items() if name != "vector")
assert faults["vector"] == "gives shape (4, 3, 2)"
assert not np.allclose(weights.sum(axis=1), 1)
assert np.allclose(mixed, square[:, 0].mean(axis=0))
for rows in coin.values():
    assert rows[-1]["train_loss"] < 0.05
    assert rows[-1]["valid_loss"] > 2 * np.log(2)
for test_loss, test_accuracy, hit in results:
    assert test_loss < 0.1
    assert test_accuracy > 0.95
    assert hit > 0.8
assert share[200, False] < 1e-9 < 0.1 < share[200, True]
print("all assertions of this chapter hold")

# %% [markdown]
# ## Sources
#
# - The article: an introduction to RNN and attention in Chinese, six sections, PyTorch code, without author or
#   year.
# - D. Bahdanau, K. Cho, Y. Bengio: *Neural Machine Translation by Jointly Learning to Align and Translate.* ICLR
#   2015.
# - A. Vaswani et al.: *Attention Is All You Need.* NeurIPS 2017. The Transformer.
# - J. Devlin et al.: *BERT: Pre-training of Deep Bidirectional Transformers.* NAACL 2019 (preprint 2018).
# - C. Zhang et al.: *Understanding Deep Learning Requires Rethinking Generalization.* ICLR 2017. Networks learn
#   random labels by heart.
