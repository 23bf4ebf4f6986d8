"""Made-up Chinese names, by index so that children can take a parent's surname."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sample_county.reference import table

Ints = NDArray[np.int64]

SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟"
    "汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
)
_MALE = "伟强磊军勇杰涛明超刚平辉鹏华飞鑫波斌宇浩凯健俊帆建国志文海林峰荣祥根宝富贵龙虎松柏东庆春生才德兴旺"
_FEMALE = "芳娜敏静丽艳娟霞秀玲燕红梅兰英桂萍琴云莲凤洁婷颖慧莹雪琳丹璐佳欣怡雯倩蓉珍珠月香翠花玉巧彩银妹"
_SECOND_BYTE = "閨詜珅鋦妡榺瓅誠謀燶乗琝璡鉢區玘璣觀園昞"
"""Characters whose second byte in GB18030 is `|`, `\\` or `^`: they break readers that split before decoding."""
FOUR_BYTE = "𫖯"
"""Four bytes in GB18030, none in GBK; written by core only."""

_SURNAME_TABLE = pa.array(list(SURNAMES))
_MALE_TABLE = pa.array(list(_MALE))
_FEMALE_TABLE = pa.array(list(_FEMALE))
_RARE_TABLE = pa.array(list(_SECOND_BYTE))


def surnames(random: np.random.Generator, size: int) -> Ints:
    """Indices into SURNAMES, the first ones far more frequent."""
    weights = 1.0 / (np.arange(len(SURNAMES)) + 6.0)
    return random.choice(len(SURNAMES), size=size, p=weights / weights.sum())


def full_names(random: np.random.Generator, surname: Ints, is_male: NDArray[np.bool_]) -> pa.Array:
    """Two or three characters each; about one in 300 has a character that is awkward in GB18030."""
    size = len(surname)

    def given() -> pa.Array:
        return pc.if_else(
            pa.array(is_male),
            _MALE_TABLE.take(pa.array(random.integers(0, len(_MALE), size))),
            _FEMALE_TABLE.take(pa.array(random.integers(0, len(_FEMALE), size))),
        )

    first, second = given(), given()
    rare = _RARE_TABLE.take(pa.array(random.integers(0, len(_SECOND_BYTE), size)))
    second = pc.if_else(pa.array(random.random(size) < 1 / 300), rare, second)
    second = pc.if_else(pa.array(random.random(size) < 0.3), "", second)
    return pc.binary_join_element_wise(_SURNAME_TABLE.take(pa.array(surname)), first, second, "")


def miswritten(names: pa.Array, how: str) -> pa.Array:
    """The names with one character mistaken, the last for which `reference/miswritten.csv` has a mistake.

    Args:
        how: `sound`, written as it is heard, or `shape`, read as another that looks like it.
    """
    known = table("miswritten")
    known = known[known["how"] == how]
    mistake = np.arange(0x110000, dtype=np.uint32)
    mistake[[ord(c) for c in known["character"]]] = [ord(c) for c in known["written"]]
    text = np.asarray(names.to_pylist(), dtype="U4")
    characters = text.view(np.uint32).reshape(len(text), 4)
    wrong = mistake[characters]
    place = 3 - np.argmax((wrong != characters)[:, ::-1], axis=1)
    rows = np.arange(len(text))
    written = characters.copy()
    written[rows, place] = wrong[rows, place]
    return pa.array(written.reshape(-1).view("U4").tolist(), pa.string())


def with_given_swapped(names: pa.Array) -> pa.Array:
    """The characters of the given name the wrong way round; a name of two characters stays."""
    return pc.replace_substring_regex(names, "^(.)(.)(.)$", r"\1\3\2")
