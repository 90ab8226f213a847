"""The fast path, on weights that can be worked out on paper."""

from math import exp, sqrt

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracetier.errors import ArtifactError
from tracetier.features.buckets import Buckets
from tracetier.features.extract import Extracted, extract, known_features
from tracetier.features.fitted import FittedFeatures
from tracetier.features.spec import X_COLUMNS, fingerprint
from tracetier.features.words import HASH_BITS
from tracetier.heads.predictor import HeadArrays, TierPredictor, build_predictor
from tracetier.heads.prior import Prediction, predict_many
from tracetier.heads.trees import TreeEnsemble, merge_boosters
from tracetier.records import Task
from tracetier.tiers import Tier, TierSet

D, W, T, B = len(X_COLUMNS) + 1, 2**HASH_BITS, 5, 2
TIERS = TierSet((Tier(name="low"), Tier(name="high")))
FEATURES = FittedFeatures(
    x_columns=X_COLUMNS,
    attrs=("size",),
    buckets=Buckets(names=("code", "other"), types={"code": 0}),
    fingerprint=fingerprint(),
)
TREE = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx={last}
feature_names={names}

Tree=0
num_leaves=2
num_cat=0
split_feature={feature}
threshold=0.5
decision_type=8
left_child=-1
right_child=-2
leaf_value=0.125 0


end of trees
"""


def heads(**changes: np.ndarray) -> HeadArrays:
    """All zero but the intercepts: quality (.2 + .5, .4 + .5), cost 1 and e USD."""
    arrays = {
        "words": np.zeros((W, T)),
        "idf2": np.zeros(W),
        "center": np.zeros(D),
        "low": np.full(D, -10.0),
        "high": np.full(D, 10.0),
        "dense": np.zeros((D, T)),
        "buckets": np.array([[0.2, 0.4, 0.5, 0.0, 1.0], [0.0, 0.0, 0.5, 0.0, 1.0]]),
        "encoding": np.array([[0.0, 1.0], [1.0, 0.0]]),
        "reward_cost_scale": np.array([0.5, 1.0]),
        "concepts": np.zeros((W, 0)),
        "near_scale": np.zeros(D),
        "near_points": np.zeros((0, D)),
        "near_kind": np.zeros(0),
        "near_values": np.zeros((0, T)),
        "near_setting": np.array([1.0, 0.0]),
    }
    return HeadArrays(**{**arrays, **changes})


def quality(given: HeadArrays, task: Task, trees: TreeEnsemble | None = None) -> list[float]:
    """Predicted quality of both tiers."""
    return TierPredictor(FEATURES, given, trees, cost_ref=4.0).predict(task).quality


def test_intercepts_level_and_costs_on_paper() -> None:
    """Quality is difference plus level; the reward cost is scaled, divided and capped."""
    predictor = TierPredictor(FEATURES, heads(), None, cost_ref=2.0)

    code, other = predictor.predict(Task(task_type="code")), predictor.predict(Task())

    assert code.quality == pytest.approx([0.7, 0.9])
    assert code.cost_usd == pytest.approx([1.0, exp(1)])
    assert code.cost == pytest.approx([0.25, 1.0])
    assert (code.bucket, other.bucket) == (0, 1)
    assert other.quality == pytest.approx([0.5, 0.5])


def test_a_text_counts_by_its_length() -> None:
    """One word of weight .2 and squared idf 4: .2 / sqrt(4) on top of .5."""
    (word,) = extract(Task(text="hello")).ids
    words, idf2 = np.zeros((W, T)), np.zeros(W)
    words[word, 0], idf2[word] = 0.2, 4.0

    got = quality(heads(words=words, idf2=idf2), Task(text="hello"))

    assert got == pytest.approx([0.6, 0.5])


@pytest.mark.parametrize("text", ["", "xyzzy", "日本語"])
def test_a_text_without_a_known_word_adds_nothing(text: str) -> None:
    """Its length is 0; dividing by it would make every prediction nan."""
    assert quality(heads(), Task(text=text)) == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        pytest.param(2.0, 0.7, id="in the range"),
        pytest.param(50.0, 0.8, id="beyond it the end"),
        pytest.param(-50.0, 0.4, id="below it the other end"),
        pytest.param(None, 0.6, id="unknown is the center"),
        pytest.param("big", 0.6, id="a text is unknown"),
    ],
)
def test_a_number_counts_within_the_range_of_training(
    size: float | str | None, expected: float
) -> None:
    """Weight .1, range -1 to 3, center 1."""
    dense, center, low, high = np.zeros((D, T)), np.zeros(D), np.zeros(D), np.zeros(D)
    dense[-1, 0], center[-1], low[-1], high[-1] = 0.1, 1.0, -1.0, 3.0
    task = Task(attrs=None if size is None else {"size": size})

    got = quality(heads(dense=dense, center=center, low=low, high=high), task)

    assert got[0] == pytest.approx(expected)


def ensemble(feature: int, n_inputs: int = D + 2) -> TreeEnsemble:
    """.125 on the first target where one input is at most .5."""
    names = " ".join(f"c{i}" for i in range(n_inputs))
    tree = TREE.format(last=n_inputs - 1, names=names, feature=feature)
    outputs: list[list[tuple[float, str]]] = [[(1.0, tree)], *([] for _ in range(T - 1))]
    return TreeEnsemble.from_text(merge_boosters(outputs))


def test_trees_see_numbers_first_then_the_buckets_encoding() -> None:
    """Nan as it is, not the center; the first encoding is 0 for code and 1 for the rest."""
    by_bucket, by_size = ensemble(D), ensemble(D - 1)

    assert quality(heads(), Task(task_type="code"), by_bucket) == pytest.approx([0.825, 0.9])
    assert quality(heads(), Task(), by_bucket) == pytest.approx([0.5, 0.5])
    assert quality(heads(), Task(attrs={"size": 0.5}), by_size) == pytest.approx([0.625, 0.5])
    assert quality(heads(), Task(attrs={"size": 0.6}), by_size) == pytest.approx([0.5, 0.5])


def test_predictions_stay_in_their_ranges() -> None:
    """Quality in [0, 1]; costs are positive numbers whatever the logarithm."""
    wild = np.array([[9.0, -9.0, 0.0, 1e3, -1e3]] * 2)

    got = TierPredictor(FEATURES, heads(buckets=wild), None, cost_ref=1.0).predict(Task())

    assert got.quality == [1.0, 0.0]
    assert got.cost_usd == pytest.approx([exp(13.8), exp(-27.6)])
    assert got.cost == pytest.approx([1.0, exp(-27.6)])


def test_arrays_are_written_and_read_by_name() -> None:
    """Every one of them, as float64, side by side in memory."""
    given = heads().to_dict()
    found = HeadArrays.from_dict({name: np.asfortranarray(a) for name, a in given.items()})

    assert given.keys() == set(HeadArrays.__struct_fields__)
    for name, array in found.to_dict().items():
        assert array.flags.c_contiguous
        np.testing.assert_array_equal(array, given[name])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"idf2": None}, r"missing \['idf2'\], unknown \[\]", id="missing"),
        pytest.param({"more": np.ones(1)}, r"missing \[\], unknown \['more'\]", id="unknown"),
    ],
)
def test_a_missing_or_unknown_array_is_told(
    change: dict[str, np.ndarray | None], message: str
) -> None:
    """By name."""
    arrays = {k: a for k, a in {**heads().to_dict(), **change}.items() if a is not None}

    with pytest.raises(ArtifactError, match=message):
        HeadArrays.from_dict(arrays)


def build(trees: TreeEnsemble | None = None, **changes: np.ndarray) -> TierPredictor:
    """Build from the parts of an artifact."""
    return build_predictor(FEATURES.to_dict(), heads(**changes).to_dict(), trees, TIERS, 4.0)


def test_a_predictor_built_from_parts_predicts_as_before() -> None:
    """With trees and without."""
    task = Task(text="hello", task_type="code", attrs={"size": 0.1})

    assert build().predict(task) == TierPredictor(FEATURES, heads(), None, 4.0).predict(task)
    assert build(ensemble(D)).predict(task).quality == pytest.approx([0.825, 0.9])


@pytest.mark.parametrize(
    ("name", "array"),
    [
        pytest.param("words", np.zeros((W, T + 1)), id="a target too many"),
        pytest.param("words", np.zeros((W - 1, T)), id="a word missing"),
        pytest.param("idf2", np.zeros(W - 1), id="an idf missing"),
        pytest.param("center", np.zeros(D + 1), id="a column too many"),
        pytest.param("low", np.full(D, np.nan), id="not a number"),
        pytest.param("high", np.full(D, np.inf), id="infinite"),
        pytest.param("dense", np.zeros((D, T - 1)), id="a target missing"),
        pytest.param("buckets", np.zeros((B + 1, T)), id="a bucket too many"),
        pytest.param("encoding", np.zeros((B - 1, 2)), id="a bucket missing"),
        pytest.param("encoding", np.zeros(B), id="one dimension for two"),
        pytest.param("encoding", np.array(0.0), id="no dimension"),
        pytest.param("reward_cost_scale", np.ones(3), id="a tier too many"),
        pytest.param("concepts", np.zeros((W - 1, 0)), id="a word without concepts"),
        pytest.param("near_scale", np.zeros(D + 1), id="a scale too many"),
        pytest.param("near_points", np.zeros((4, D + 1)), id="a coordinate too many"),
        pytest.param("near_kind", np.zeros(1), id="a type without a point"),
        pytest.param("near_values", np.zeros((0, T - 1)), id="a value missing"),
        pytest.param("near_setting", np.zeros(1), id="a setting missing"),
    ],
)
def test_parts_that_do_not_fit_are_told(name: str, array: np.ndarray) -> None:
    """The array, its shape, and the one expected; never a wrong prediction later."""
    with pytest.raises(ArtifactError, match=rf"heads\.npz: {name} has shape .* expected"):
        build(None, **{name: array})


def test_a_negative_count_of_neighbours_is_told() -> None:
    """A rank counted from the end would ask all of them."""
    with pytest.raises(ArtifactError, match=r"near_setting is \[-1.*at least 0"):
        build(None, near_setting=np.array([-1.0, 10.0]))


def test_neighbours_and_concepts_on_paper() -> None:
    """One word puts the task at 1 on the only concept, where the first of two points lies.

    The second is 1 away, the rank of the reach, so its weight is 0: the first alone speaks.
    """
    (word,) = extract(Task(text="hello")).ids
    concepts, idf2 = np.zeros((W, 1)), np.zeros(W)
    concepts[word, 0], idf2[word] = 2.0, 4.0
    near = heads(
        concepts=concepts,
        idf2=idf2,
        near_scale=np.append(np.zeros(D), 1.0),
        near_points=np.concatenate([np.zeros((2, D)), [[1.0], [2.0]]], axis=1),
        near_kind=np.ones(2),
        near_values=np.array([[0.125, 0, 0, 0, 0], [9.0, 0, 0, 0, 0]]),
        near_setting=np.array([1.0, 10.0]),
    )

    assert quality(near, Task(text="hello")) == pytest.approx([0.625, 0.5])
    # Of another type both are ten further: the squared distances are 10 and 11.
    far = quality(near, Task(text="hello", task_type="code"))
    assert far == pytest.approx([0.7 + 0.125, 0.9])


def test_trees_on_other_inputs_or_outputs_are_told() -> None:
    """A column more than the features give."""
    with pytest.raises(ArtifactError, match=rf"5 outputs over {D + 3} inputs, expected 5 over"):
        build(ensemble(D, n_inputs=D + 3))


def test_tasks_together_are_predicted_as_one_by_one(noise_model: TierPredictor) -> None:
    """Words that are known, unknown, or none; types with and without neighbours."""
    tasks = [
        Task(),
        Task(text="send the mail", task_type="mail", attrs={"size": 2.0}),
        Task(text="explain why, and not how", tools=["bash"], turn_index=3),
        Task(text="send the mail", task_type="poem"),
    ] * 3

    for got, task in zip(noise_model.predict_many(tasks), tasks, strict=True):
        expected = noise_model.predict(task)
        assert got.bucket == expected.bucket
        for mine, its in zip(got[:3], expected[:3], strict=True):
            assert mine == pytest.approx(its, rel=1e-12)


def test_no_task_has_no_prediction(noise_model: TierPredictor) -> None:
    """An empty batch is none."""
    assert noise_model.predict_many([]) == []


def test_rows_of_tasks_together_are_at_hand(
    noise_model: TierPredictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log asks for each of them afterwards; an equal task that is another is extracted."""
    tasks = [Task(text="one"), Task(text="two words"), Task(text="and three words")]
    expected = [known_features(task) for task in tasks]
    noise_model.predict_many(tasks)
    calls: list[Task] = []

    def counted(task: Task) -> Extracted:
        calls.append(task)
        return extract(task)

    monkeypatch.setattr("tracetier.features.extract.extract", counted)

    assert [known_features(task) for task in tasks] == expected
    assert calls == []
    assert known_features(Task(text="one")) == expected[0]
    assert calls == [tasks[0]]


def test_rows_of_an_older_model_are_not_taken_for_the_extractors(
    noise_model: TierPredictor,
) -> None:
    """A model that takes fewer columns has other rows, so the features are extracted anew."""
    names = ("x_upper", "x_words")
    features = msgspec.structs.replace(
        noise_model.features, x_columns=names, attrs=(), buckets=Buckets(names=("o",), types={})
    )
    heads = noise_model.heads
    of_two = {name: getattr(heads, name)[:2] for name in ("center", "low", "high", "dense")}
    none = {"near_points": np.zeros((0, 2)), "concepts": np.zeros((len(heads.words), 0))}
    older = TierPredictor(
        features, msgspec.structs.replace(heads, **of_two, **none), None, cost_ref=4.0
    )
    tasks = [Task(text="one"), Task(text="two words")]
    expected = [known_features(task) for task in tasks]

    older.predict_many(tasks)

    assert [known_features(task) for task in tasks] == expected


@given(st.lists(st.integers(0, 2**14 - 1), max_size=300, unique=True))
def test_words_are_summed_row_by_row(noise_model: TierPredictor, ids: list[int]) -> None:
    """In their order and to the bit: trees split between a number and the next."""
    total = np.zeros(noise_model.words.shape[1])
    for place in ids:
        total = total + noise_model.words[place]

    found = noise_model._of_words(np.array(ids, np.uint32))

    if found is None:
        assert not total[-1] > 0.0
    else:
        assert (found == total / sqrt(total[-1])).all()


def test_a_predictor_of_ones_is_asked_for_each() -> None:
    """Whoever has no way for many is asked in their order."""

    class Length:
        def predict(self, task: Task) -> Prediction:
            return Prediction([len(task.text) / 10], [1.0], [1.0], 0)

    got = predict_many(Length(), [Task(text="a"), Task(text="abc")])

    assert [found.quality for found in got] == [[0.1], [0.3]]
