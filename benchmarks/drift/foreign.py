"""Sentences in other languages like those of the data sets, written for this benchmark; one a line."""

GERMAN = """
Ich warte seit zwei Wochen auf meine neue Karte, wo bleibt sie?
Warum wurde meine Überweisung abgelehnt?
Wie kann ich meine Karte für das Ausland freischalten?
Der Automat hat meine Karte einbehalten, was soll ich tun?
Meine Zahlung ist noch immer nicht angekommen.
Wieso wurde mir eine Gebühr für das Abheben berechnet?
Ich habe meine PIN vergessen und komme nicht mehr ins Konto.
Wie lange dauert eine Überweisung in die Schweiz?
Kann ich mein Konto auch mit einer Kreditkarte aufladen?
Mein Handy wurde gestohlen, bitte sperren Sie die App.
Auf meinem Konto ist eine Abbuchung, die ich nicht kenne.
Wie ändere ich meine Adresse in der App?
Der Wechselkurs bei meiner letzten Zahlung war falsch.
Ich möchte mein Konto kündigen, wie geht das?
Welche Länder werden von Ihnen unterstützt?
Ist es möglich, eine zweite Karte für meine Tochter zu bekommen?
Die Aufladung per Überweisung ist nicht angekommen.
Ich habe versehentlich Geld an die falsche Person geschickt.
Warum muss ich mich noch einmal ausweisen?
Kann ich Apple Pay mit dieser Karte nutzen?
Am Automaten kam weniger Geld heraus, als abgebucht wurde.
Die Rückerstattung vom Händler fehlt noch auf meinem Konto.
Wie hoch ist das Limit für Abhebungen am Tag?
Meine virtuelle Karte funktioniert im Internet nicht.
Ich habe meine verlorene Karte wiedergefunden, kann ich sie weiter benutzen?
Wo finde ich meine PIN für die neue Karte?
Bis wann muss ich die Dokumente hochladen?
Wie alt muss man sein, um ein Konto zu eröffnen?
Der Betrag wurde zweimal von meinem Konto abgebucht.
Kann ich in mehreren Währungen bezahlen?
Ich brauche eine neue Karte, weil meine bald abläuft.
Warum ist die Zahlung immer noch ausstehend?
Die App sagt, dass meine Karte nicht verknüpft werden kann.
Können Sie die Überweisung von gestern noch stoppen?
Ich habe eine Bareinzahlung gemacht und sehe sie nicht.
Was kostet es, wenn ich im Ausland mit der Karte bezahle?
Ich bin umgezogen und die Karte ging an die alte Adresse.
Das kontaktlose Bezahlen geht bei mir nicht mehr.
Mein Gehalt soll auf dieses Konto kommen, was muss ich angeben?
Gibt es eine Gebühr, wenn ich Euro in Dollar tausche?
Jemand hat meine Daten benutzt und in einem Laden bezahlt.
Wo kann ich mit dieser Karte Geld abheben?
Die automatische Aufladung lässt sich nicht einschalten.
Ich habe den Code zur Bestätigung nicht bekommen.
Wie kann ich eine Lastschrift zurückgeben?
Der Name auf der Karte ist falsch geschrieben.
Warum steht der Scheck noch nicht auf meinem Konto?
Ich kann den Empfänger der Überweisung nicht hinzufügen.
Ist mein Geld bei Ihnen sicher und woher kommt es?
Wie schnell bekomme ich die Karte mit Express?
Die Identität konnte nicht geprüft werden, was ist das Problem?
Ich möchte mein Passwort ändern und weiß nicht wo.
Meine Karte wird im Restaurant immer abgelehnt.
Haben Sie auch Karten von Mastercard oder nur Visa?
Wann ist das Geld auf dem Konto meiner Mutter?
Die Kartenzahlung wurde rückgängig gemacht, aber das Geld fehlt.
Ich sehe auf dem Auszug eine Gebühr von einem Euro.
Können Freunde mein Konto aufladen?
Wie viele Einwegkarten darf ich am Tag haben?
Ich habe mein Gerät gewechselt und die App geht nicht auf.
""".strip().splitlines()

SPANISH = """
¿Cuánto dinero tengo en mi cuenta de ahorros?
Pon una alarma para las siete de la mañana
¿Qué tiempo va a hacer mañana en Sevilla?
Necesito reservar una mesa para cuatro esta noche
¿Cómo se dice gracias en japonés?
Cuéntame un chiste que no sea muy largo
¿Cuándo tengo que pagar la factura de la luz?
Añade leche y huevos a la lista de la compra
Quiero cambiar el nombre con el que me llamas
¿Dónde está mi teléfono? No lo encuentro
¿Qué vacunas necesito para viajar a Kenia?
Reproduce la última canción que escuchaba ayer
Llama a un taxi para ir al aeropuerto
¿Cuántas calorías tiene una manzana?
Mi tarjeta se ha roto y necesito otra
¿A qué distancia está la farmacia más cercana?
Pide unas vacaciones para la semana del doce
¿Cuántos días de descanso me quedan este año?
Apaga las luces de la cocina por favor
¿Por qué me han rechazado la tarjeta en el supermercado?
Quiero hablar más despacio, no te entiendo
¿Qué puedo cocinar con pollo y arroz?
Recuérdame que compre pilas esta tarde
¿Cuál es el límite de mi tarjeta de crédito?
Ha llegado el momento de cambiar el aceite del coche
¿Cuánta gasolina queda en el depósito?
Dime el significado de la palabra efímero
¿Qué hora es ahora en Nueva York?
Cancela la reserva que hice en el hotel
¿Tiene este restaurante buenas opiniones?
Quiero transferir cien euros a mi hermana
¿Cuánto tarda en llegar un autobús al centro?
Me han robado la cartera y quiero bloquear todo
¿Cuál es la capital de Mongolia?
Cambia el idioma de la aplicación al alemán
¿Cómo puedo mejorar mi puntuación de crédito?
Tira un dado y dime qué número sale
¿Se puede llevar líquido en el equipaje de mano?
Sube el volumen un poco más que no oigo
¿Qué reuniones tengo el jueves por la tarde?
Comparte mi posición con mi madre
¿Cuánto cuesta el cambio de dólares a pesos?
Necesito saber cuál es el número de ruta de mi banco
¿Hay mucho tráfico para ir a la oficina?
Escribe un mensaje y di que llego tarde
¿Cuántos ingredientes lleva la tortilla de patata?
¿Puedo usar yogur en lugar de nata en esta receta?
Programa una revisión del coche para el lunes
¿Es seguro viajar a esta zona en octubre?
Haz una lista de tareas para el fin de semana
¿Quién te ha creado y de dónde eres?
Deletrea la palabra murciélago
¿Cuánto tiempo hay que dejar el pan en el horno?
¿Qué intereses me da la cuenta a plazo fijo?
Quiero pedir un cheque nuevo porque no me quedan
¿Cuándo es el próximo día festivo en España?
Pasa a la siguiente canción que esta no me gusta
¿Has aprobado mi solicitud de vacaciones?
¿Cuántas millas son diez kilómetros?
Dime si mi vuelo sale a su hora
""".strip().splitlines()

PORTUGUESE = """
A água já está na porta de casa e não para de chover
Que saudade da minha família nesse momento
Rezem por nós aqui, está tudo alagado no bairro
Não acredito que hoje ainda é terça
Os bombeiros estão na rua mas não chegam até aqui
Meu irmão está sem luz desde ontem, alguém sabe de algo?
Esse jogo foi muito bom, parabéns ao time
Estamos todos bem, obrigado pelas mensagens
Vou dormir porque amanhã tem aula cedo
A ponte caiu e a cidade está isolada
Quero muito ir para a praia com os amigos
Precisam de doações de roupas e água no ginásio
Que dia longo, não aguento mais esse trabalho
A polícia fechou a avenida por causa da explosão
Ela disse que vem mas não sei se é verdade
O hospital está cheio e faltam médicos
Minha mãe fez bolo e eu já comi tudo
Ainda não há número oficial de mortos
Quem vai ao show no sábado com a gente?
O vento levou o telhado da escola
Não sei por que ele ainda fala comigo
O governador declarou estado de emergência
Acordei com fome e não tem nada na geladeira
As imagens da enchente são muito tristes
Hoje tem prova e eu não estudei nada
Abrigos abertos na zona norte para quem perdeu a casa
Estou com tanto sono que posso dormir em pé
Todos os voos foram cancelados até amanhã
Por favor tragam cobertores e leite para as crianças
Esse filme é o melhor que eu já vi
Ouvimos um barulho muito forte e depois veio a fumaça
O meu cachorro tem medo de chuva, coitado
A marinha está a caminho com barcos e comida
Quando é que esse inverno vai acabar?
Voluntários ajudam a limpar as ruas depois da tempestade
Eu só quero ficar em casa e ver televisão
O prefeito pede que ninguém saia de casa hoje
Não tem sinal de telefone na minha rua
Alguém quer ir ao cinema comigo mais tarde?
A lama entrou em todas as lojas do centro
Feliz aniversário para a minha melhor amiga
As sirenes tocaram por mais de uma hora
Perdi o ônibus de novo, que raiva
Duas pessoas ainda estão presas nos escombros
Que bonito o sol de hoje depois de tanta chuva
Eles não têm para onde ir, isso é muito triste
Meu celular está sem bateria, falo com você depois
O rio subiu dois metros em uma noite
Como eu queria estar de férias agora
Está tudo escuro e as árvores caíram na estrada
Não consigo parar de ouvir essa música
Foram horas de medo, mas estamos vivos
Ele nunca responde quando eu mando mensagem
A escola da minha filha vai ficar fechada a semana toda
Preciso de um café para começar o dia
Os animais foram levados para um abrigo seguro
Vocês viram o que aconteceu na maratona?
Meu time perdeu mais uma vez, não é possível
Uma nuvem de fumaça cobre a cidade desde cedo
Onde posso deixar alimentos para os desabrigados?
""".strip().splitlines()
